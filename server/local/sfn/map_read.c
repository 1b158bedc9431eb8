/* ItemReader: an object of S3 taken apart into items, or the keys of a bucket as items. What was
 * read is stored before the first child starts: a restart does not read again, so that all children
 * work on one and the same reading. */
#include "server/local/sfn/map_run.h"

#define READER_FAILED "States.ItemReaderFailed"

static void fail(struct engine *e, struct map_run *run, const char *sentence)
{
    struct asl_failure failure = {0};
    asl_fail(&failure, READER_FAILED, "%s", sentence);
    map_run_fail(e, run, &failure);
}

static void fail_memory(struct engine *e, struct map_run *run)
{
    struct asl_failure failure = {0};
    failure_no_memory(&failure);
    map_run_fail(e, run, &failure);
}

static void start(struct engine *e, struct map_run *run, struct map_step *step)
{
    (void)step;
    run->phase = MAP_RUNNING;
    map_run_go_on(e, run);
}

/* The lines go with the next commit; they are taken over. */
static void store_lines(struct engine *e, struct map_run *run, struct buf *lines, int64_t count)
{
    struct map_step *step = map_step_commit(e, run, start);
    if (!step) {
        buf_free(lines);
        fail_memory(e, run);
        return;
    }
    step->lines = *lines;
    run->total = count;
    map_run_touch(e, run);
}

void map_run_store(struct engine *e, struct map_run *run, const json_t *items)
{
    struct error err = {0};
    struct buf lines;
    size_t i;
    json_t *item;
    buf_init(&lines, BUF_MAX_OBJECT);
    json_array_foreach ((json_t *)(uintptr_t)items, i, item)
        if (map_items_add(&lines, item, &err)) {
            buf_free(&lines);
            fail(e, run, err.message);
            return;
        }
    store_lines(e, run, &lines, (int64_t)json_array_size(items));
}

/* MaxItems; as recorded, a path may lead to what is no bound. */
static int read_most(struct engine *e, struct map_run *run, int64_t *most,
                     struct asl_failure *failure)
{
    const struct machine_reader *reader = &map_run_spec(run)->reader;
    const struct map_number field = {&reader->max_items, "MaxItems", true};
    double value = 0;
    *most = MAP_ITEMS_MAX;
    if (map_number(e, run->frame, &field, run->input, &value, failure))
        return -1;
    if (value < 0)
        return asl_fail(failure, READER_FAILED, "field MaxItems must be positive");
    if (value >= 1 && value < (double)MAP_ITEMS_MAX)
        *most = (int64_t)value;
    return 0;
}

static void object_read(struct engine *e, struct map_run *run, struct map_step *step)
{
    struct error err = {0};
    struct asl_failure failure = {0};
    struct buf lines;
    int64_t most = 0;
    json_t *body = json_object_get(step->output, "Body");
    if (map_step_refused(e, run, step, READER_FAILED))
        return;
    if (read_most(e, run, &most, &failure)) {
        map_run_fail(e, run, &failure);
        return;
    }
    buf_init(&lines, BUF_MAX_OBJECT);
    int64_t count = map_items_split(&map_run_spec(run)->reader, json_string_value(body),
                                    json_string_length(body), most, &lines, &err);
    if (count >= 0) {
        store_lines(e, run, &lines, count);
        return;
    }
    buf_free(&lines);
    fail(e, run, err.message);
}

static void keys_read(struct engine *e, struct map_run *run, struct map_step *step);

/* The next page of a listing; takes over request. It goes on from the keys of `before`, which it
 * takes over; NULL: there are none. */
static void read_page(struct engine *e, struct map_run *run, json_t *request,
                      struct map_step *before)
{
    struct map_step *step = map_step_ask(e, run, "ListObjectsV2", request, keys_read);
    if (!step) {
        fail_memory(e, run);
        return;
    }
    if (!before)
        return;
    step->keys = before->keys;
    step->key_count = before->key_count;
    buf_init(&before->keys, 0);
}

/* Kept as lines: a listing of a large bucket is long, and has the ceiling of an object. */
static int add_keys(struct map_step *step, int64_t most, struct error *err)
{
    size_t i;
    json_t *key;
    json_array_foreach (json_object_get(step->output, "Contents"), i, key) {
        if (step->key_count == most)
            break;
        if (map_items_add(&step->keys, key, err))
            return err_wrap(err, "the listing is too long, divide it by Prefix or MaxItems");
        step->key_count++;
    }
    return 0;
}

static void keys_read(struct engine *e, struct map_run *run, struct map_step *step)
{
    struct error err = {0};
    struct asl_failure failure = {0};
    int64_t most = 0;
    json_t *token = json_object_get(step->output, "NextContinuationToken");
    if (map_step_refused(e, run, step, READER_FAILED))
        return;
    if (read_most(e, run, &most, &failure)) {
        map_run_fail(e, run, &failure);
    } else if (add_keys(step, most, &err)) {
        fail(e, run, err.message);
    } else if (token && step->key_count < most) {
        json_t *request = json_copy(step->call.input);
        json_object_set(request, "ContinuationToken", token);
        read_page(e, run, request, step);
    } else {
        store_lines(e, run, &step->keys, step->key_count);
        buf_init(&step->keys, 0);
    }
}

void map_run_read(struct engine *e, struct map_run *run)
{
    struct asl_failure failure = {0};
    struct scope scope;
    int64_t most = 0;
    const struct machine_reader *reader = &map_run_spec(run)->reader;
    if (read_most(e, run, &most, &failure)) {
        map_run_fail(e, run, &failure);
        return;
    }
    scope_open(e, run->frame, run->input, &scope);
    json_t *request = asl_template_eval(reader->parameters, &scope.asl, &failure);
    scope_close(&scope);
    if (!request)
        map_run_fail(e, run, &failure);
    else if (reader->input == READ_KEYS)
        read_page(e, run, request, NULL);
    else if (!map_step_ask(e, run, "GetObject", request, object_read))
        fail_memory(e, run);
}
