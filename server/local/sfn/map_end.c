/* The end of a run: results are read back from the rows of its children, in the order of items,
 * and become the state's result or objects of S3 (ResultWriter).
 *
 *   PREFIX/UUID/SUCCEEDED_0.json, SUCCEEDED_1.json ..., FAILED_0.json ..., then manifest.json
 *
 * After a restart the files are written again, under the same keys and with the same bytes. */
#include "server/local/sfn/map_run.h"

#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/local/sfn/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITER_FAILED "States.ResultWriterFailed"

static const char *const groups[] = {"SUCCEEDED", "FAILED"};
enum { GROUPS = 2, KEY_MAX = 1280 }; /* a key that is cut is still too long for S3 */

struct map_writing {
    json_t *destination; /* Bucket, Prefix */
    json_t *files;       /* what the manifest tells: group -> [{Key, Size}] */
    int group;
    int number;    /* of the next file of the group */
    int64_t after; /* the last child that is written */
};

struct map_writing *map_writing_free(struct map_writing *w)
{
    if (!w)
        return NULL;
    json_decref(w->destination);
    json_decref(w->files);
    free(w);
    return NULL;
}

/* MapStateExited names the same predecessor as MapStateSucceeded (recorded). */
void map_run_succeed(struct engine *e, struct map_run *run, json_t *result)
{
    struct frame *f = run->frame;
    run->status = MAP_RUN_SUCCEEDED;
    f->last_event = history_plain(e, f, "MapRunSucceeded", f->last_event);
    (void)history_plain(e, f, "MapStateSucceeded", f->last_event);
    (void)map_run_leave(e, run);
    if (frame_complete(e, f, result) == STEP_ON)
        engine_queue(e, f);
}

static void fail(struct engine *e, struct map_run *run, const char *error, const char *sentence)
{
    struct asl_failure failure = {0};
    asl_fail(&failure, error, "%s", sentence);
    map_run_fail(e, run, &failure);
}

struct collection {
    json_t *results;
    size_t bytes;
    bool too_large;
};

static int add_output(void *ctx, const struct map_child_row *row)
{
    struct collection *c = ctx;
    json_t *value = NULL;
    size_t len = strlen(row->execution.output);
    c->bytes += len;
    c->too_large = c->bytes > MAP_OUTPUT_MAX;
    if (c->too_large || json_parse(row->execution.output, len, &value, NULL))
        return -1;
    return json_array_append_new(c->results, value);
}

/* Results that nothing looks at need not be collected. */
static bool discards(const struct machine_state *s)
{
    return s->result_path.discard && !s->result_selector && !s->assign;
}

static void collect(struct engine *e, struct map_run *run)
{
    struct error err = {0};
    struct collection c = {.results = json_array()};
    int rc = discards(run->frame->state)
                 ? 0
                 : sfn_db_map_children(e->db, run->id, true, -1, add_output, &c, &err);
    if (rc == 0) {
        map_run_succeed(e, run, c.results);
        return;
    }
    json_decref(c.results);
    fail(e, run, c.too_large ? "States.DataLimitExceeded" : "States.Runtime",
         c.too_large ? "The results of the map run exceed the maximum number of bytes service "
                       "limit. Use ResultWriter to write them to S3."
                     : err.message);
}

/* --- ResultWriter --- */
struct file {
    struct buf text;
    struct map_writing *writing;
};

/* A child as ListExecutions with data would tell it. */
static void write_child(struct json_writer *w, const struct stored_execution *x)
{
    const char *status = execution_status_name((enum execution_status)x->status);
    const char *name = strrchr(x->arn, ':');
    char time[CLOCK_TEXT_MAX];
    jw_object(w, NULL);
    if (x->cause)
        jw_str(w, "Cause", x->cause);
    if (x->error)
        jw_str(w, "Error", x->error);
    jw_str(w, "ExecutionArn", x->arn);
    jw_str(w, "Input", x->input);
    jw_raw(w, "InputDetails", "{\"Included\":true}", 17);
    jw_str(w, "Name", name ? name + 1 : "");
    if (x->output) {
        jw_str(w, "Output", x->output);
        jw_raw(w, "OutputDetails", "{\"Included\":true}", 17);
    }
    jw_str(w, "StartDate", clock_rfc3339(x->started, time));
    jw_str(w, "StateMachineArn", x->machine_arn);
    jw_str(w, "Status", status);
    jw_str(w, "StopDate", clock_rfc3339(x->stopped, time));
    jw_end_object(w);
}

/* 1 when the file is full. */
static int add_child(void *ctx, const struct map_child_row *row)
{
    struct file *file = ctx;
    struct json_writer w;
    buf_addc(&file->text, file->text.len ? ',' : '[');
    jw_init(&w, &file->text);
    write_child(&w, &row->execution);
    file->writing->after = row->number;
    return file->text.len >= MAP_RESULT_FILE_BYTES;
}

/* PREFIX/UUID/NAME */
static void key_of(const struct map_run *run, const char *name, char key[KEY_MAX])
{
    const char *prefix = json_str(run->writing->destination, "Prefix", "");
    size_t len = strlen(prefix);
    const char *slash = len && prefix[len - 1] != '/' ? "/" : "";
    (void)snprintf(key, KEY_MAX, "%s%s%s/%s", prefix, slash, map_run_uuid(run), name);
}

static void write_next(struct engine *e, struct map_run *run);

static void file_written(struct engine *e, struct map_run *run, struct map_step *step)
{
    if (!map_step_refused(e, run, step, WRITER_FAILED))
        write_next(e, run);
}

static void manifest_written(struct engine *e, struct map_run *run, struct map_step *step)
{
    if (map_step_refused(e, run, step, WRITER_FAILED))
        return;
    map_run_succeed(e, run,
                    json_pack("{s:s, s:{s:O, s:O}}", "MapRunArn", run->arn, "ResultWriterDetails",
                              "Bucket", json_object_get(step->call.input, "Bucket"), "Key",
                              json_object_get(step->call.input, "Key")));
}

static void put(struct engine *e, struct map_run *run, const char *key, json_t *body,
                void (*then)(struct engine *e, struct map_run *run, struct map_step *step))
{
    json_t *request =
        json_pack("{s:O, s:s, s:o}", "Bucket", json_object_get(run->writing->destination, "Bucket"),
                  "Key", key, "Body", body);
    if (!map_step_ask(e, run, "PutObject", request, then))
        fail(e, run, WRITER_FAILED, "The results cannot be written: Bucket is missing, or memory.");
}

static void write_manifest(struct engine *e, struct map_run *run)
{
    char key[KEY_MAX];
    struct map_writing *w = run->writing;
    key_of(run, "manifest.json", key);
    put(e, run, key,
        json_pack("{s:O, s:s, s:O}", "DestinationBucket", json_object_get(w->destination, "Bucket"),
                  "MapRunArn", run->arn, "ResultFiles", w->files),
        manifest_written);
}

static void write_file(struct engine *e, struct map_run *run, struct buf *text)
{
    char name[64];
    char key[KEY_MAX];
    struct map_writing *w = run->writing;
    (void)snprintf(name, sizeof name, "%s_%d.json", groups[w->group], w->number++);
    key_of(run, name, key);
    json_array_append_new(json_object_get(w->files, groups[w->group]),
                          json_pack("{s:s, s:I}", "Key", key, "Size", (json_int_t)text->len));
    put(e, run, key, json_stringn(buf_str(text), text->len), file_written);
}

/* The next file that has something in it, or the manifest. */
static void write_next(struct engine *e, struct map_run *run)
{
    struct error err = {0};
    struct map_writing *w = run->writing;
    struct file file = {.writing = w};
    int rc = 0;
    buf_init(&file.text, BUF_MAX_OBJECT);
    for (; w->group < GROUPS; w->group++, w->number = 0, w->after = -1) {
        rc = sfn_db_map_children(e->db, run->id, w->group == 0, w->after, add_child, &file, &err);
        if (rc || file.text.len)
            break;
    }
    if (file.text.len)
        buf_addc(&file.text, ']');
    if (rc || buf_check(&file.text, &err))
        fail(e, run, WRITER_FAILED, err.message);
    else if (file.text.len)
        write_file(e, run, &file.text);
    else
        write_manifest(e, run);
    buf_free(&file.text);
}

static void begin_writing(struct engine *e, struct map_run *run)
{
    struct asl_failure failure = {0};
    struct scope scope;
    struct map_writing *w = calloc(1, sizeof *w);
    if (!w) {
        fail(e, run, WRITER_FAILED, "The local endpoint ran out of memory.");
        return;
    }
    run->writing = w;
    w->after = -1;
    w->files = json_pack("{s:[], s:[], s:[]}", "FAILED", "PENDING", "SUCCEEDED");
    scope_open(e, run->frame, run->input, &scope);
    w->destination = asl_template_eval(map_run_spec(run)->writer, &scope.asl, &failure);
    scope_close(&scope);
    if (w->destination)
        write_next(e, run);
    else
        map_run_fail(e, run, &failure);
}

void map_run_end(struct engine *e, struct map_run *run)
{
    if (map_run_spec(run)->writer)
        begin_writing(e, run);
    else
        collect(e, run);
}
