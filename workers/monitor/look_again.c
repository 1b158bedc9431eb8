/* Final rows that still want a word of ECS. A task that was stopped says farewell and cannot know
 * why it was: ECS does, for an hour. And a task whose row was failed may run on, because the look
 * that failed it was killed, or throttled, before it could stop it. */
#include "workers/monitor/look_private.h"

#include "lib/json/json_read.h"
#include "lib/verdict/verdict.h"

#include <string.h>

static bool is_farewell(const struct task_row *row)
{
    return row->status == AUDIT_CANCELLED && strcmp(row->reason, AUDIT_FAREWELL) == 0;
}

/* By these codes of our own; a stand-in's id is none of ECS's, which would refuse the call. */
static bool was_to_be_stopped(const struct task_row *row)
{
    static const char *const ours[] = {"TaskTimeout", "RunTimeout", "RunFailed"};
    if (row->status != AUDIT_FAILED || run_is_stand_in(row->task_id))
        return false;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(row->stop_code, ours[i]) == 0)
            return true;
    return false;
}

bool look_wants_again(const struct task_row *row)
{
    return is_farewell(row) || was_to_be_stopped(row);
}

bool look_wants_any_again(const struct look *l)
{
    for (size_t i = 0; i < l->rows.count; i++)
        if (look_wants_again(&l->rows.list[i]))
            return true;
    return false;
}

/* Its time stays what it was, but for the millisecond that makes it the newer one. */
static int explain(const struct task_row *row, const struct ecs_task *task, struct settlements *s,
                   struct error *err)
{
    struct verdict v;
    if (!verdict_explain(task, &v))
        return 0;
    struct settlement *one = settlements_add(s, row->task_id, row->task_name, err);
    if (!one)
        return -1;
    one->row = SETTLE_EXPLAIN;
    one->update_time = row->update_time > 0 ? row->update_time + CLOCK_MS : 0;
    one->exit_code = row->exit_code;
    settlement_say(one, v.stop_code, v.reason);
    return 0;
}

static int stop_again(const struct task_row *row, json_t *record, const struct ecs_task *task,
                      struct settlements *s, struct error *err)
{
    if (strcmp(task->last_status, "STOPPED") == 0 || strcmp(task->last_status, "DELETED") == 0 ||
        strcmp(json_str(record, "desiredStatus", ""), "STOPPED") == 0)
        return 0;
    struct settlement *one = settlements_add(s, row->task_id, row->task_name, err);
    if (!one)
        return -1;
    one->row = SETTLE_NO_ROW;
    one->stop = true;
    settlement_say(one, row->stop_code, row->reason);
    return 0;
}

int look_judge_again(const struct look *l, struct settlements *s, struct error *err)
{
    for (size_t i = 0; i < l->rows.count; i++) {
        const struct task_row *row = &l->rows.list[i];
        json_t *record = look_wants_again(row) ? ecs_view_find(&l->ecs, row->task_id) : NULL;
        struct ecs_task task;
        if (!record)
            continue;
        if (ecs_task_read(record, &task, err) != 0)
            return -1;
        int rc =
            is_farewell(row) ? explain(row, &task, s, err) : stop_again(row, record, &task, s, err);
        if (rc != 0)
            return -1;
    }
    return 0;
}
