/* Reading map runs. Counts are made from the children's rows when they are asked for: a run that
 * goes on writes its own row only when it begins and ends. */
#include "server/local/sfn/frame.h"
#include "server/local/sfn/map_run.h"
#include "server/local/sfn/sfn_db_private.h"
#include "server/local/sfn/sfn_private.h"
#include "server/local/sfn/sfn_reader_private.h"

#include <string.h>

static const char *const status_names[] = {"RUNNING", "SUCCEEDED", "FAILED", "ABORTED"};

/* The ARN of an execution by its id; new reference. */
static json_t *execution_arn(struct sfn_reader *r, int64_t id, struct error *err)
{
    struct stmt *s = r->statements[READ_ARN];
    stmt_bind_int(s, 1, id);
    json_t *arn = stmt_step(s, err) == 1 ? json_string(stmt_text(s, 0)) : NULL;
    stmt_reset(s);
    return arn;
}

/* `total` includes what has not been begun. */
static json_t *counts_json(const int64_t counts[MAP_COUNTS], int64_t total, bool written)
{
    int64_t begun = 0;
    for (int i = 0; i < MAP_COUNTS; i++)
        begun += counts[i];
    if (total < begun)
        total = begun;
    int64_t ended = begun - counts[EXECUTION_RUNNING];
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total", (json_int_t)total, "pending",
        (json_int_t)(total - begun), "running", (json_int_t)counts[EXECUTION_RUNNING], "succeeded",
        (json_int_t)counts[EXECUTION_SUCCEEDED], "failed", (json_int_t)counts[EXECUTION_FAILED],
        "timedOut", (json_int_t)counts[EXECUTION_TIMED_OUT], "aborted",
        (json_int_t)counts[EXECUTION_ABORTED], "resultsWritten", (json_int_t)(written ? ended : 0));
}

/* Batches that are not made yet are only known by the number of items in them. */
static int64_t total_children(const struct map_counts *counts, int64_t total, int64_t batch)
{
    int64_t begun = 0;
    int64_t items = 0;
    for (int i = 0; i < MAP_COUNTS; i++) {
        begun += counts->children[i];
        items += counts->items[i];
    }
    return begun + (total - items + (batch ? batch - 1 : 0)) / (batch ? batch : 1);
}

/* A row of READ_MAP_RUN; new reference, NULL: out of memory. */
static json_t *run_json(struct stmt *s, const struct map_counts *counts)
{
    int64_t status = stmt_int(s, 4);
    int64_t total = stmt_int(s, 7) < 0 ? 0 : stmt_int(s, 7);
    double percentage = stmt_real(s, 10);
    bool written = status == MAP_RUN_SUCCEEDED;
    json_t *out = json_pack(
        "{s:s, s:s, s:o, s:I, s:I, s:f, s:o, s:o}", "mapRunArn", stmt_text(s, 1), "status",
        status_names[status], "startDate", wire_date(stmt_int(s, 5)), "maxConcurrency",
        (json_int_t)stmt_int(s, 8), "toleratedFailureCount",
        (json_int_t)(stmt_int(s, 9) < 0 ? 0 : stmt_int(s, 9)), "toleratedFailurePercentage",
        percentage < 0 ? 0.0 : percentage, "itemCounts", counts_json(counts->items, total, written),
        "executionCounts",
        counts_json(counts->children, total_children(counts, total, stmt_int(s, 11)), written));
    if (out && stmt_int(s, 6))
        json_object_set_new(out, "stopDate", wire_date(stmt_int(s, 6)));
    return out;
}

int sfn_read_map_run(struct sfn_reader *r, const char *arn, json_t **out, struct error *err)
{
    struct stmt *s = r->statements[READ_MAP_RUN];
    struct map_counts counts;
    stmt_bind_text(s, 1, arn);
    int step = stmt_step(s, err);
    if (step == 1 &&
        sfn_map_counts_read(r->statements[READ_MAP_COUNTS], stmt_int(s, 0), &counts, err))
        step = -1;
    if (step == 1) {
        json_t *parent = execution_arn(r, stmt_int(s, 2), err);
        *out = parent ? run_json(s, &counts) : NULL;
        if (*out)
            json_object_set(*out, "executionArn", parent);
        else
            step = read_no_memory(err);
        json_decref(parent);
    }
    stmt_reset(s);
    return step;
}

/* A row of ListMapRuns. */
static json_t *item_json(struct stmt *s, const char *parent)
{
    json_t *item =
        json_pack("{s:s, s:s, s:s, s:o}", "executionArn", parent, "mapRunArn", stmt_text(s, 1),
                  "stateMachineArn", stmt_text(s, 3), "startDate", wire_date(stmt_int(s, 5)));
    if (item && stmt_int(s, 6))
        json_object_set_new(item, "stopDate", wire_date(stmt_int(s, 6)));
    return item;
}

int sfn_read_map_runs(struct sfn_reader *r, const char *execution, const struct page *page,
                      json_t **out, struct error *err)
{
    struct stmt *s = r->statements[READ_MAP_RUNS];
    int64_t id = sfn_read_execution_id(r, execution, err);
    int64_t last = 0;
    int step = 0;
    if (id <= 0)
        return (int)id;
    json_t *list = json_array();
    stmt_bind_int(s, 1, id);
    stmt_bind_int(s, 2, page->after);
    stmt_bind_int(s, 3, page->limit + 1);
    while ((step = stmt_step(s, err)) == 1 && (int64_t)json_array_size(list) < page->limit) {
        json_array_append_new(list, item_json(s, execution));
        last = stmt_int(s, 0);
    }
    stmt_reset(s);
    return page_answer(list, "mapRuns", step, last, out, err) ? -1 : 1;
}

int sfn_read_map_run_id(struct sfn_reader *r, const char *arn, int64_t *id, struct error *err)
{
    struct stmt *s = r->statements[READ_MAP_RUN];
    stmt_bind_text(s, 1, arn);
    return stmt_number(s, id, err);
}
