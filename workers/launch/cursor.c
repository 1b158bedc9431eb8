#include "workers/launch/cursor.h"

#include "lib/base/clock.h"
#include "lib/json/json_read.h"

#include <string.h>

#define NUMBER(name, member, max)                                                                  \
    {                                                                                              \
        name, FIELD_INT, false, offsetof(struct cursor, member), 0, max                            \
    }

enum { NUMBERS_MAX = 1000000 };

static const struct field fields[] = {
    NUMBER("chunk", chunk, NUMBERS_MAX),     NUMBER("next", next, NUMBERS_MAX),
    NUMBER("refused", refused, NUMBERS_MAX), NUMBER("rotation", rotation, NUMBERS_MAX),
    NUMBER("tokens", tokens, NUMBERS_MAX),   NUMBER("waitSeconds", wait_seconds, NUMBERS_MAX),
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static const struct {
    const char *name;
    size_t offset;
} times[] = {
    {"at", offsetof(struct cursor, at)},
    {"starvedAt", offsetof(struct cursor, starved_at)},
};
enum { TIMES = sizeof times / sizeof times[0] };

static int read_times(const json_t *object, struct cursor *out, struct error *err)
{
    for (size_t i = 0; i < TIMES; i++) {
        const char *text = json_str(object, times[i].name, NULL);
        int64_t wall = 0;
        if (text && clock_parse_rfc3339(text, &wall, err) != 0)
            return err_wrap(err, "the launcher's cursor: %s", times[i].name);
        memcpy((char *)out + times[i].offset, &wall, sizeof wall);
    }
    return 0;
}

static int read_waiting(const json_t *list, struct cursor *out, struct error *err)
{
    json_t *index;
    size_t i;
    if (json_array_size(list) > CURSOR_WAITING_MAX)
        return err_set(err, ERR_SYNTAX, "the launcher's cursor has %zu waiting tasks, not %d",
                       json_array_size(list), CURSOR_WAITING_MAX);
    json_array_foreach (list, i, index) {
        int64_t n = json_is_integer(index) ? json_integer_value(index) : -1;
        if (n < 0 || n >= out->next)
            return err_set(err, ERR_SYNTAX, "the launcher's cursor: waiting/%zu is no task", i);
        out->waiting[out->waiting_count++] = n;
    }
    return 0;
}

int cursor_read(json_t *object, int64_t tasks, struct cursor *out, struct error *err)
{
    struct json_problems problems = {0};
    *out = (struct cursor){0};
    if (!object || json_is_null(object))
        return 0;
    if (json_read_fields(fields, FIELDS, object, "", false, out, &problems) > 0)
        err_set(err, ERR_SYNTAX, "the launcher's cursor: %s %s",
                problems.count ? problems.list[0].pointer : "it",
                problems.count ? problems.list[0].detail : "is not valid");
    bool bad = problems.count > 0;
    json_problems_free(&problems);
    if (bad)
        return -1;
    if (out->next > tasks)
        return err_set(err, ERR_SYNTAX, "the launcher's cursor is at task %lld of %lld",
                       (long long)out->next, (long long)tasks);
    if (read_times(object, out, err) != 0)
        return -1;
    return read_waiting(json_object_get(object, "waiting"), out, err);
}

static int write_times(const struct cursor *c, json_t *object)
{
    for (size_t i = 0; i < TIMES; i++) {
        char text[CLOCK_TEXT_MAX];
        int64_t wall;
        memcpy(&wall, (const char *)c + times[i].offset, sizeof wall);
        if (wall > 0 &&
            json_object_set_new(object, times[i].name, json_string(clock_rfc3339(wall, text))) != 0)
            return -1;
    }
    return 0;
}

json_t *cursor_write(const struct cursor *c)
{
    json_t *object = json_object(), *waiting = json_array();
    int bad = json_object_set_new(object, "waiting", waiting);
    for (size_t i = 0; i < FIELDS && !bad; i++) {
        int64_t value;
        memcpy(&value, (const char *)c + fields[i].offset, sizeof value);
        bad = json_object_set_new(object, fields[i].name, json_integer(value));
    }
    for (size_t i = 0; i < c->waiting_count && !bad; i++)
        bad = json_array_append_new(waiting, json_integer(c->waiting[i]));
    if (!bad && write_times(c, object) == 0)
        return object;
    json_decref(object);
    return NULL;
}
