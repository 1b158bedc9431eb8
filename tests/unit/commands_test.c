/* The program's commands as functions: what they return for words that make no sense. */
#include "server/app/app.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

Test(commands, check_refuses_a_file_without_an_end, .timeout = 60)
{
    const char *argv[] = {"/dev/zero"};
    cr_redirect_stderr();
    cr_assert_eq(command_check(1, argv), 1);
}

Test(commands, check_wants_exactly_one_file)
{
    const char *two[] = {"a.json", "b.json"};
    cr_redirect_stderr();
    cr_assert_eq(command_check(0, two), 2);
    cr_assert_eq(command_check(2, two), 2);
}
