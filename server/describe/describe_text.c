/* A description as it is kept: a task definition of many containers may make it long. */
#include "server/describe/describe.h"

#include "lib/json/json_read.h"
#include "server/store/store.h"

#include <stdio.h>

/* The longest member that is longer than the text that would stand for it; NULL: there is none. */
static const char *longest(json_t *object, size_t *len)
{
    enum { WORTH = 64 };
    const char *name;
    const char *found = NULL;
    json_t *value;
    *len = WORTH;
    json_object_foreach (object, name, value) {
        size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
        if (size > *len) {
            *len = size;
            found = name;
        }
    }
    return found;
}

/* Puts a text in the place of the longest member. -1: nothing is left that could go. */
static int leave_out(json_t *object)
{
    char note[48];
    size_t len;
    const char *name = longest(object, &len);
    if (!name)
        return -1;
    (void)snprintf(note, sizeof note, "left out: %zu bytes", len);
    return json_object_set_new(object, name, json_string(note));
}

/* Only the copy's members are set, so it need not be deep. A hostile object of thousands of members
 * is given up on, as is one without memory. */
bool describe_text(const json_t *task, struct buf *out)
{
    enum { LEFT_OUT_MAX = 32 };
    size_t before = out->len;
    json_dump(out, task);
    if (out->len - before <= STORE_DESCRIPTION_MAX)
        return false;
    json_t *rest = json_copy((json_t *)task);
    int rc = rest ? 0 : -1;
    for (int i = 0; i < LEFT_OUT_MAX && !rc && out->len - before > STORE_DESCRIPTION_MAX; i++) {
        rc = leave_out(rest);
        buf_truncate(out, before);
        json_dump(out, rest);
    }
    json_decref(rest);
    if (rc || out->len - before > STORE_DESCRIPTION_MAX) {
        buf_truncate(out, before);
        buf_adds(out, "{\"leftOut\":\"too many members\"}");
    }
    return true;
}
