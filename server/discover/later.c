/* Executions that are put off: each has a time of its own, so that none holds the others up. */
#include "lib/json/json_read.h"
#include "server/discover/discover_private.h"
#include "server/loop/pace.h"

#include <string.h>

#define RETRY_MIN CLOCK_SECOND
#define RETRY_MAX (60 * CLOCK_SECOND)

bool later_has(const struct finder *f, const char *arn)
{
    const json_t *each;
    size_t i;
    json_array_foreach (f->later, i, each) {
        if (strcmp(json_str(each, "arn", ""), arn) == 0)
            return true;
    }
    return false;
}

/* An execution that cannot be kept, for lack of memory, is found again by the next whole sweep. */
void later_put(struct finder *f, json_t *execution)
{
    int64_t failures = json_int(execution, "failures", 0) + 1;
    int64_t due = loop_now(f->discover->o.loop) + pace_backoff(RETRY_MIN, RETRY_MAX, failures);
    (void)json_object_set_new(execution, "failures", json_integer(failures));
    (void)json_object_set_new(execution, "due", json_integer(due));
    (void)json_array_append(f->later, execution);
}

int64_t later_take(struct finder *f, int64_t now)
{
    int64_t next = LOOP_NEVER;
    for (size_t i = 0; i < json_array_size(f->later);) {
        json_t *each = json_array_get(f->later, i);
        int64_t due = json_int(each, "due", 0);
        if (due > now || json_array_append(f->queue, each)) {
            next = loop_earlier(next, due > now ? due : now + RETRY_MIN);
            i++;
        } else {
            (void)json_array_remove(f->later, i);
        }
    }
    return next;
}

static void recall(void *ctx, int64_t id, const char *execution_arn)
{
    struct finder *f = ctx;
    json_t *entry =
        json_pack("{s:s,s:I,s:b}", "arn", execution_arn, "id", (json_int_t)id, "unlisted", 1);
    if (entry)
        later_put(f, entry);
    json_decref(entry);
}

int later_recall(struct finder *f, struct error *err)
{
    return store_unlisted_list(f->discover->o.loop->store, f->pattern, recall, f, err);
}
