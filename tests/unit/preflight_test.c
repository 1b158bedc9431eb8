/* server/run/preflight: numbers by table. */
#include "server/run/preflight.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct preflight_facts facts(int pattern, int64_t tasks, int64_t seconds)
{
    return (struct preflight_facts){.pattern = pattern,
                                    .tasks = tasks,
                                    .input_bytes = 1000,
                                    .override_characters = 700,
                                    .task_seconds = seconds,
                                    .max_concurrency = 40,
                                    .monitor_interval_seconds = 120,
                                    .task_timeout_seconds = 21600,
                                    .run_timeout_seconds = 86400};
}

static const struct {
    int pattern;
    int64_t tasks, seconds;
    int64_t start, polls, events, transitions;
    size_t warnings;
} numbers[] = {
    /* Looks at 0, 1, 3, 6, 11, 19, 31, 49, 76 seconds. */
    {1, 1, 1, 0, 2, 13 + 18, 4 + 6, 0},
    {1, 10, 60, 0, 9, 13 + 81, 4 + 27, 0},
    {2, 1, 1, 0, 2, 19 + 13 + 18, 5 + 4 + 6, 0},
    {2, 10, 60, 0, 9, 19 + 130 + 81, 5 + 40 + 27, 0},
    {1, 100, 60, 0, 9, 13 + 81, 4 + 27, 0},
    {2, 100, 60, 0, 9, 19 + 1300 + 81, 5 + 400 + 27, 0},
    {1, 101, 60, 1, 9, 13 + 81, 4 + 27, 0},
    {1, 1000, 60, 45, 10, 13 + 90, 4 + 30, 0},
    {2, 1000, 60, 45, 10, 21 + 90, 5 + 4000 + 30, 0},
    {1, 10000, 60, 495, 15, 13 + 135, 4 + 45, 0},
    {2, 10000, 60, 495, 15, 21 + 135, 5 + 40000 + 45, 0},
};

Test(preflight, counts_what_the_state_machines_do)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct preflight p;
        struct preflight_facts f = facts(numbers[i].pattern, numbers[i].tasks, numbers[i].seconds);
        f.manifest_bytes = numbers[i].tasks >= 1000 ? 100000 : 0;
        preflight_compute(&f, &p);
        cr_expect_eq(p.start_seconds, numbers[i].start, "%zu: start %ld", i, (long)p.start_seconds);
        cr_expect_eq(p.polls, numbers[i].polls, "%zu: polls %ld", i, (long)p.polls);
        cr_expect_eq(p.events, numbers[i].events, "%zu: events %ld", i, (long)p.events);
        cr_expect_eq(p.transitions, numbers[i].transitions, "%zu: states %ld", i,
                     (long)p.transitions);
        cr_expect_eq(p.warning_count, numbers[i].warnings, "%zu: %s", i, p.warnings[0]);
        cr_expect_not(p.refused);
    }
}

/* The monitor spreads its looks: a long run does not fill the history. */
Test(preflight, long_runs_fit)
{
    struct preflight p;
    struct preflight_facts f = facts(1, 10, 86000);
    f.monitor_interval_seconds = 1;
    preflight_compute(&f, &p);
    cr_assert_leq(p.events, PREFLIGHT_EVENTS_MAX + 13);
}

static const struct {
    const char *says;
    struct preflight_facts facts;
    bool refused;
} ceilings[] = {
    {"262145 bytes", {1, 1, 262145, 0, 1, 1, 40, 120, 100, 100}, true},
    {"of the 262144 bytes", {1, 1, 262144, 0, 1, 1, 40, 120, 100, 100}, false},
    {"8193 characters", {1, 1, 1, 0, 8193, 1, 40, 120, 100, 100}, false},
    {"25000", {2, 3600, 1, 0, 1, 1, 40, 120, 100, 10000}, false},
    {"at most 40 tasks at once", {2, 1, 1, 0, 1, 1, 41, 120, 100, 100}, false},
    {"taskTimeoutSeconds (5)", {1, 1, 1, 0, 1, 6, 40, 120, 5, 100}, false},
    {"runTimeoutSeconds (5)", {1, 1, 1, 0, 1, 6, 40, 120, 100, 5}, false},
};

Test(preflight, warns_of_ceilings)
{
    for (size_t i = 0; i < sizeof ceilings / sizeof ceilings[0]; i++) {
        struct preflight p;
        preflight_compute(&ceilings[i].facts, &p);
        cr_expect_eq(p.warning_count, 1, "%zu: %zu warnings", i, p.warning_count);
        cr_expect_not_null(strstr(p.warnings[0], ceilings[i].says), "%s", p.warnings[0]);
        cr_expect_eq(p.refused, ceilings[i].refused);
    }
}

/* An hour of 10 tasks at 1 vCPU and 2 GB; a second costs as much as a minute. */
Test(preflight, estimates_cost_by_the_table)
{
    struct preflight p;
    struct preflight_facts f = facts(2, 10, 3600);
    preflight_compute(&f, &p);
    cr_assert_lt(fabs(p.vcpu_hours - 10), 1e-9);
    cr_assert_lt(fabs(p.gb_hours - 20), 1e-9);
    cr_assert_lt(fabs(p.fargate_usd - (10 * 0.04048 + 20 * 0.004445)), 1e-9);
    cr_assert_lt(fabs(p.transitions_usd - (double)p.transitions * 0.000025), 1e-9);
    cr_assert_lt(fabs(p.total_usd - p.fargate_usd - p.transitions_usd), 1e-9);
    f.task_seconds = 1;
    preflight_compute(&f, &p);
    cr_assert_lt(fabs(p.vcpu_hours - 10.0 / 60), 1e-9);
}
