#include "tests/unit/store_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void open_store(struct store_fixture *f)
{
    struct error err = {0};
    f->store = store_open(&(struct store_options){f->path, clock_system(), NULL}, &err);
    cr_assert_not_null(f->store, "%s", err.message);
}

void store_fixture_open(struct store_fixture *f)
{
    temp_folder_make(f->dir, "store");
    (void)snprintf(f->path, sizeof f->path, "%s/store.db", f->dir);
    open_store(f);
}

void store_fixture_reopen(struct store_fixture *f)
{
    f->store = store_close(f->store);
    open_store(f);
}

void store_fixture_close(struct store_fixture *f)
{
    f->store = store_close(f->store);
    temp_folder_remove(f->dir);
}

static char *text(const char *fmt, int64_t number)
{
    char *out = NULL;
    cr_assert_geq(asprintf(&out, "%s%" PRId64, fmt, number), 0);
    return out;
}

struct store_new_run *store_fixture_run(int64_t id, size_t tasks)
{
    struct store_new_run *run = calloc(1, sizeof *run);
    struct store_new_task *list = calloc(tasks ? tasks : 1, sizeof *list);
    cr_assert(run && list);
    for (size_t i = 0; i < tasks; i++) {
        list[i].name = text("task-", (int64_t)i);
        list[i].s3_bucket = "bucket";
        list[i].object_key = text("in/object_", (int64_t)i);
    }
    *run = (struct store_new_run){
        .id = id,
        .pattern = 1,
        .workflow_name = "copy",
        .execution_name = text("x-", id),
        .request = "{\"taskList\":[]}",
        .request_len = strlen("{\"taskList\":[]}"),
        .input = "{\"pattern\":1}",
        .input_len = strlen("{\"pattern\":1}"),
        .request_hash = "hash",
        .tasks = list,
        .task_count = tasks,
    };
    return run;
}

void store_fixture_run_free(struct store_new_run *run)
{
    for (size_t i = 0; i < run->task_count; i++) {
        free((void *)run->tasks[i].name);
        free((void *)run->tasks[i].object_key);
    }
    free((void *)run->tasks);
    free((void *)run->execution_name);
    free(run);
}

void store_fixture_create(struct store *s, int64_t id, size_t tasks)
{
    struct error err = {0};
    int64_t existing = -1;
    struct store_new_run *run = store_fixture_run(id, tasks);
    cr_assert_eq(store_run_create(s, run, &existing, &err), 0, "%s", err.message);
    cr_assert_eq(existing, 0);
    store_fixture_run_free(run);
}

static void copy_text(char *out, size_t size, const char *from)
{
    (void)snprintf(out, size, "%s", from ? from : "");
}

static void copy_run(void *ctx, const struct store_run *run)
{
    struct run_copy *copy = ctx;
    copy->run = *run;
    copy_text(copy->reason, sizeof copy->reason, run->reason);
    copy_text(copy->arn, sizeof copy->arn, run->execution_arn);
    copy_text(copy->start_error, sizeof copy->start_error, run->start_error);
    copy_text(copy->execution_status, sizeof copy->execution_status, run->execution_status);
}

struct run_copy store_fixture_get(struct store *s, int64_t id)
{
    struct run_copy copy = {0};
    struct error err = {0};
    cr_assert_eq(store_run_get(s, id, copy_run, &copy, &err), 0, "%s", err.message);
    return copy;
}

static void copy_task(void *ctx, const struct store_task *task)
{
    struct task_copy *copy = ctx;
    copy->task = *task;
    copy_text(copy->name, sizeof copy->name, task->name);
    copy_text(copy->ecs_task_id, sizeof copy->ecs_task_id, task->ecs_task_id);
    copy_text(copy->stopped_reason, sizeof copy->stopped_reason, task->stopped_reason);
    copy_text(copy->reason, sizeof copy->reason, task->reason);
}

struct task_copy store_fixture_task(struct store *s, int64_t run_id, int64_t seq)
{
    struct task_copy copy = {.task = {.seq = -1}};
    struct error err = {0};
    bool more;
    cr_assert_eq(store_task_list(s, run_id, -1, seq - 1, 1, copy_task, &copy, &more, &err), 0);
    cr_assert_eq(copy.task.seq, seq);
    return copy;
}

void store_fixture_mirror(struct store *s, int64_t run_id, int seq, const struct audit_detail *row)
{
    char name[32], id[32];
    struct error err = {0};
    struct audit_detail detail = *row;
    (void)snprintf(name, sizeof name, "task-%d", seq);
    (void)snprintf(id, sizeof id, "ecs-%d", seq);
    detail.workflow_run_id = run_id;
    detail.task_name = name;
    detail.ecs_task_id = id;
    cr_assert_eq(store_tasks_mirror(s, run_id, &detail, 1, &err), 0, "%s", err.message);
}
