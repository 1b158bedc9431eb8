/* The engine's small parts: timers, names, task kinds, member names. */
#include "server/local/sfn/names.h"
#include "server/local/sfn/task.h"
#include "server/local/sfn/timers.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(sfn_parts, timers_come_in_order_of_their_time)
{
    enum { COUNT = 500 };
    static struct timer timers[COUNT];
    struct timers heap = {0};
    int64_t last = -1;
    int popped = 0;
    srand(7);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(timers_arm(&heap, &timers[i], rand() % 1000), 0);
    for (int i = 0; i < COUNT; i += 3)
        timers_cancel(&heap, &timers[i]);
    for (int i = 1; i < COUNT; i += 3)
        cr_assert_eq(timers_arm(&heap, &timers[i], rand() % 1000), 0);
    cr_expect_null(timers_pop(&heap, -1));
    for (struct timer *t; (t = timers_pop(&heap, 1000)) != NULL; popped++) {
        cr_expect_geq(t->due, last);
        cr_expect_not(timer_armed(t));
        last = t->due;
    }
    cr_expect_eq(popped, COUNT - (COUNT + 2) / 3);
    cr_expect_eq(timers_next(&heap), INT64_MAX);
    timers_free(&heap);
}

Test(sfn_parts, names_are_found_until_they_are_removed)
{
    enum { COUNT = 3000 };
    static char keys[COUNT][16];
    struct names names = {0};
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "key-%d", i);
        cr_assert_eq(names_add(&names, keys[i], keys[i]), 0);
    }
    for (int i = 0; i < COUNT; i += 2)
        names_remove(&names, keys[i]);
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(names_get(&names, keys[i]), i % 2 ? keys[i] : NULL);
    size_t cursor = 0;
    int seen = 0;
    while (names_each(&names, &cursor))
        seen++;
    cr_expect_eq(seen, COUNT / 2);
    cr_expect_null(names_get(&names, "other"));
    names_free(&names);
}

struct kind_case {
    const char *arn;
    bool known;
    enum task_pattern pattern;
};

Test(sfn_parts, resources_name_kinds_of_tasks)
{
    static const struct kind_case cases[] = {
        {"arn:aws:lambda:eu-west-1:000000000000:function:f", true, TASK_RESPONSE},
        {"arn:aws:lambda:eu-west-1:000000000000:function:f:3", true, TASK_RESPONSE},
        {"arn:aws:states:::lambda:invoke", true, TASK_RESPONSE},
        {"arn:aws:states:::lambda:invoke.waitForTaskToken", true, TASK_TOKEN},
        {"arn:aws:states:::lambda:invoke.sync", false, TASK_RESPONSE},
        {"arn:aws-cn:states:::ecs:runTask.sync", true, TASK_SYNC},
        {"arn:aws:states:::ecs:runTask.sync:2", false, TASK_RESPONSE},
        {"arn:aws:states:::states:startExecution.sync:2", true, TASK_SYNC2},
        {"arn:aws:states:::dynamodb:query", false, TASK_RESPONSE},
        {"arn:aws:states:::aws-sdk:dynamodb:query", true, TASK_RESPONSE},
        {"arn:aws:states:::dynamodb:putItems", false, TASK_RESPONSE},
        {"arn:aws:states:eu-west-1:000000000000:activity:a", false, TASK_RESPONSE},
        {"arn:aws:states:::sqs:sendMessage", false, TASK_RESPONSE},
        {"lambda", false, TASK_RESPONSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum task_pattern pattern;
        const char *type;
        const char *resource;
        const struct task_kind *kind = task_kind_find(cases[i].arn, &pattern, &type, &resource);
        cr_expect_eq(kind != NULL, cases[i].known, "%s", cases[i].arn);
        if (kind)
            cr_expect_eq(pattern, cases[i].pattern, "%s", cases[i].arn);
    }
}

Test(sfn_parts, member_names_change_their_first_letter_all_the_way_down)
{
    json_t *wire = json_pack("{s:[{s:s, s:{s:i}}], s:n}", "taskList", "taskArn", "keepMe", "inner",
                             "deepOne", 1, "nothing");
    json_t *told = task_to_pascal(wire);
    json_t *back = task_to_camel(told);
    char *text = json_dumps(told, JSON_COMPACT);
    cr_expect_str_eq(text, "{\"TaskList\":[{\"TaskArn\":\"keepMe\",\"Inner\":{\"DeepOne\":1}}],"
                           "\"Nothing\":null}");
    cr_expect(json_equal(wire, back));
    free(text);
    json_decref(wire);
    json_decref(told);
    json_decref(back);
}
