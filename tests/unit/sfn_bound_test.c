/* What a definition may ask of the engine has bounds: loops without end, much data in one turn. */
#include "tests/unit/sfn_support.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct sfn_fixture *f;

static void setup(void)
{
    f = fixture_open();
}

static void teardown(void)
{
    fixture_close(f);
}

TestSuite(sfn_bound, .init = setup, .fini = teardown, .timeout = 120);

static void expect_outcome(const char *want)
{
    char *got = outcome(f);
    cr_expect_str_eq(got, want, "got %.200s", got);
    free(got);
}

/* They write no history; what they do is counted all the same. */
Test(sfn_bound, express_children_that_loop_are_ended)
{
    start_machine(f,
                  "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"ItemProcessor\":{"
                  "\"ProcessorConfig\":{\"Mode\":\"DISTRIBUTED\",\"ExecutionType\":\"EXPRESS\"},"
                  "\"StartAt\":\"I\",\"States\":{\"I\":{\"Type\":\"Pass\",\"Next\":\"J\"},"
                  "\"J\":{\"Type\":\"Pass\",\"Next\":\"I\"}}},\"End\":true}}}",
                  "[1]");
    expect_outcome("FAILED States.ExceedToleratedFailureThreshold: The specified tolerated failure "
                   "threshold was exceeded");
}
