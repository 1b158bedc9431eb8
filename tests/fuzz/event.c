/* What the workers are handed: events with a run, a cursor and a spec in it, audit rows, the task
 * metadata endpoint's answer. */
#include "lib/audit/audit.h"
#include "lib/json/json_read.h"
#include "lib/verdict/verdict.h"
#include "tests/fuzz/fuzz.h"
#include "workers/copy/metadata.h"
#include "workers/launch/cursor.h"
#include "workers/run/run.h"

#include <stdlib.h>
#include <string.h>

static void rows(json_t *tree)
{
    static const struct audit_table summary = {"t", "workflow_name", "workflow_run_id"};
    static const struct audit_table details = {"t", "workflow_run_id", "ecs_task_id"};
    struct error err;
    struct audit_summary run;
    struct audit_detail task;
    (void)audit_summary_read(tree, &summary, &run, &err);
    (void)audit_detail_read(tree, &details, &task, &err);
}

static void state(json_t *tree)
{
    struct error err;
    struct run run;
    struct cursor cursor;
    json_t *again = NULL;
    if (run_read(tree, &run, &err) == 0)
        json_decref(run_write(&run));
    if (json_is_object(tree) && cursor_read(tree, 100, &cursor, &err) == 0) {
        again = cursor_write(&cursor);
        fuzz_expect(cursor_read(again, 100, &cursor, &err) == 0, "a cursor does not read back");
    }
    json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct metadata metadata;
    json_t *tree = NULL;
    char *text = fuzz_rest(data, size);
    (void)metadata_parse("http://169.254.170.2/v4/0123-456", text, size, &metadata, &err);
    if (json_parse(text, size, &tree, &err) == 0) {
        rows(tree);
        state(tree);
    }
    json_decref(tree);
    free(text);
    return 0;
}
