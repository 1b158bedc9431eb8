/* The runner of the unit tests. Each test runs in a process of its own, which does not come by
 * here: so the runner's own leaks (Criterion's and its children's book-keeping) can be kept from
 * LeakSanitizer without hiding those of a test. */
#include <criterion/criterion.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

int main(int argc, char **argv)
{
#ifdef __SANITIZE_ADDRESS__
    __lsan_disable();
#endif
    struct criterion_test_set *tests = criterion_initialize();
    int failed = 0;
    if (criterion_handle_args(argc, argv, true))
        failed = !criterion_run_all_tests(tests);
    criterion_finalize(tests);
    return failed;
}
