/* The execution's input: the completed spec, or, where that is long, the spec with a manifest. */
#include "lib/manifest/manifest.h"
#include "server/run/run_private.h"

#include <string.h>

/* Room for the longest spec that can be posted, completed. */
enum { WHOLE_MAX = BUF_MAX_SPEC + BUF_MAX_STATE };

static int set_run_id(const struct spec *spec, int64_t id, struct error *err)
{
    if (json_object_set_new(spec->root, "workflowRunId", json_integer(id)))
        return err_set(err, ERR_MEMORY, "out of memory for the run's input");
    return 0;
}

/* The object itself is made again when it is stored: here its size and digest count. */
static int shorten(const struct spec *spec, int64_t id, struct run_input *out, struct error *err)
{
    struct buf object;
    buf_init(&object, BUF_MAX_MANIFEST);
    buf_reset(&out->text);
    int rc = manifest_make(spec, id, &object, &out->text, err);
    out->manifest_bytes = (int64_t)object.len;
    buf_free(&object);
    return rc;
}

int run_input_make(const struct spec *spec, int64_t id, struct run_input *out, struct error *err)
{
    if (set_run_id(spec, id, err))
        return -1;
    buf_reset(&out->text);
    out->manifest_bytes = 0;
    json_dump(&out->text, spec->root);
    if (buf_check(&out->text, err))
        return err_wrap(err, "the completed spec");
    out->whole_bytes = (int64_t)out->text.len;
    if (!manifest_wanted(spec->pattern, spec->task_count, out->text.len))
        return 0;
    return shorten(spec, id, out, err);
}

void run_input_open(struct run_input *in)
{
    *in = (struct run_input){0};
    buf_init(&in->text, WHOLE_MAX);
}

void run_input_close(struct run_input *in)
{
    buf_free(&in->text);
}
