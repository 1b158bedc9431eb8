#include "tests/unit/launch_support.h"

#include "lib/json/json_read.h"
#include "server/embed/embed.h"

#include <criterion/criterion.h>
#include <stdio.h>

json_t *launch_event(const char *changes)
{
    json_t *spec = worker_peer_json(embed_find("specs/pattern-1.json")->data);
    json_t *patch = worker_peer_json(changes);
    json_object_set_new(spec, "workflowRunId", json_integer(77));
    json_object_update(spec, patch);
    json_decref(patch);
    return json_pack("{s:o,s:{s:s,s:s}}", "spec", spec, "execution", "name", "e1", "startTime",
                     LAUNCH_START);
}

json_t *launch_event_of(size_t tasks)
{
    json_t *event = launch_event("{}"), *list = json_array();
    for (size_t i = 0; i < tasks; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "task-%zu", i);
        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "taskName", name, "s3BucketName",
                                              "bucket-1", "objectKey", "k"));
    }
    json_object_set_new(json_object_get(event, "spec"), "taskList", list);
    return event;
}

json_t *launch_call(struct worker_peer *p, json_t *event, struct error *err)
{
    json_t *answer = NULL;
    int rc = launch_handle(&p->worker, event, &answer, err);
    cr_assert_eq(rc == 0, answer != NULL);
    return answer;
}

json_t *launch(struct worker_peer *p, const char *changes, struct error *err)
{
    json_t *event = launch_event(changes);
    json_t *answer = launch_call(p, event, err);
    json_decref(event);
    return answer;
}

bool launch_next(struct worker_peer *p, json_t *event, json_t *answer)
{
    bool launching = json_bool(answer, "launching", false);
    p->wall += json_int(answer, "waitSeconds", 0) * CLOCK_SECOND;
    json_object_set_new(event, "launch", json_pack("{s:o}", "answer", answer));
    return launching;
}

json_t *launch_all(struct worker_peer *p, json_t *event, size_t chunks)
{
    struct error err = {0};
    json_t *answer = launch_call(p, event, &err);
    for (size_t i = 1; answer && json_bool(answer, "launching", false); i++) {
        cr_assert_lt(i, chunks, "the launch is not over");
        launch_next(p, event, answer);
        answer = launch_call(p, event, &err);
    }
    cr_assert_not_null(answer, "%s", err.message);
    return answer;
}

int launch_plan(struct worker_peer *p, struct plan *plan, struct error *err)
{
    const struct launch_options options = {.backoff_ms = 1, .limits = {1000, 1000, 1800}};
    struct cursor cursor = {0};
    bool launching = false;
    return launch_tasks(plan, &p->worker, &options, &cursor, false, &launching, err);
}

void launch_expect_all_once(const struct worker_peer *p, const json_t *event)
{
    const json_t *list = json_object_get(json_object_get(event, "spec"), "taskList");
    json_t *task;
    size_t i;
    json_array_foreach (list, i, task)
        cr_expect_eq(json_int(p->starts, json_str(task, "taskName", ""), 0), 1, "%s",
                     json_str(task, "taskName", ""));
    cr_expect_eq(json_object_size(p->starts), json_array_size(list));
}
