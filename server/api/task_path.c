/* Names may hold everything but NUL, slashes too: so they are decoded here, after routing. */
#include "server/api/task_path.h"

#include "lib/base/hex.h"

#include <inttypes.h>

/* One character; what follows it, NULL for a bad escape. */
static const char *decode_one(const char *in, const char *end, char *out)
{
    if (*in != '%') {
        *out = *in;
        return in + 1;
    }
    int high = end - in > 2 ? hex_digit(in[1]) : -1;
    int low = high >= 0 ? hex_digit(in[2]) : -1;
    *out = (char)(high * 16 + low);
    return low >= 0 && *out ? in + 3 : NULL;
}

static int decode(const struct api_call *call, char out[TASK_PATH_NAME_MAX], struct error *err)
{
    const char *at = call->name;
    const char *end = at + call->name_len;
    size_t len = 0;
    while (at && at < end && len < TASK_PATH_NAME_MAX - 1)
        at = decode_one(at, end, &out[len++]);
    out[len] = '\0';
    if (!at)
        return err_set(err, ERR_ARGUMENT,
                       "the task's name in the path: '%%' must be followed by two hexadecimal "
                       "digits that are not 00: write it as %%25");
    if (at < end)
        return err_set(err, ERR_NOT_FOUND, "no task has a name of more than %d bytes",
                       TASK_PATH_NAME_MAX - 1);
    return 0;
}

static void read_trimmed(void *ctx, const struct store_run *run)
{
    int64_t *trimmed_at = ctx;
    *trimmed_at = run->trimmed_at;
}

/* The run is asked about only when there is no such task: why there is none. */
int task_path_get(const struct api_call *call, store_task_fn fn, void *ctx, struct error *err)
{
    char name[TASK_PATH_NAME_MAX];
    int64_t trimmed_at = 0;
    if (decode(call, name, err))
        return -1;
    int rc = store_task_get(call->sv->store, call->run_id, name, fn, ctx, err);
    if (!rc || err->code != ERR_NOT_FOUND)
        return rc;
    struct error missing = *err;
    if (store_run_get(call->sv->store, call->run_id, read_trimmed, &trimmed_at, err))
        return -1;
    if (trimmed_at)
        return err_set(err, ERR_NOT_FOUND,
                       "the tasks of run %" PRId64 " were removed, as old as they were: "
                       "--retention-days tells how long they are kept",
                       call->run_id);
    *err = missing;
    return -1;
}
