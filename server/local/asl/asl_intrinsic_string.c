/* States.Format, States.StringSplit and States.UUID. Their oddities (dropped empty pieces, Java's
 * way to print maps) are those of recorded executions. */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "server/local/asl/asl_intrinsic.h"

#include <string.h>

/* Inside a text objects and arrays look as Java prints its maps and lists: {a=1, b=[x, y]}. */
static void write_value(struct buf *out, const json_t *value)
{
    const char *name;
    json_t *item;
    size_t i = 0;
    if (out->failed) {
        return; /* a value whose parts are shared may have no end */
    } else if (json_is_string(value)) {
        buf_add(out, json_string_value(value), json_string_length(value));
    } else if (json_is_object(value)) {
        buf_addc(out, '{');
        json_object_foreach ((json_t *)value, name, item) {
            buf_addf(out, "%s%s=", i++ ? ", " : "", name);
            write_value(out, item);
        }
        buf_addc(out, '}');
    } else if (json_is_array(value)) {
        buf_addc(out, '[');
        json_array_foreach (value, i, item) {
            buf_adds(out, i ? ", " : "");
            write_value(out, item);
        }
        buf_addc(out, ']');
    } else {
        json_dump(out, value);
    }
}

/* Copies a template with its {} filled in. Returns what is wrong with it, or NULL. */
static const char *fill_template(struct buf *out, const char *at, const struct asl_call *call)
{
    size_t used = 1;
    for (; *at; at++) {
        if (*at == '\\' && at[1] && strchr("'{}\\", at[1])) {
            at++;
            buf_addc(out, *at);
        } else if (*at == '{' && at[1] == '}') {
            at++;
            if (used < call->count)
                write_value(out, call->args[used]);
            used++;
        } else if (*at == '{') {
            return "matching '}' not found for '{'.";
        } else if (*at == '}') {
            return "matching '{' not found for '}'.";
        } else {
            buf_addc(out, *at);
        }
    }
    /* The empty text stands for a count that does not fit, which has words of its own. */
    return used == call->count ? NULL : "";
}

/* The template is taken as written, because an escaped brace is not a place to fill. */
json_t *asl_states_format(const struct asl_call *call)
{
    struct buf text;
    json_t *out = NULL;
    if (!json_is_string(call->args[0]))
        return asl_call_refuse(call, NULL);
    buf_init(&text, BUF_MAX_STATE);
    const char *wrong =
        fill_template(&text, call->format ? call->format : json_string_value(call->args[0]), call);
    if (wrong && *wrong)
        (void)asl_call_fail(call, "Invalid template in States.Format: %s", wrong);
    else if (wrong)
        (void)asl_call_refuse(call, "number of arguments do not match the occurrences of {}.");
    else if (text.failed)
        (void)asl_call_refuse(call, "the result is too long");
    else
        out = asl_call_result(call, json_stringn(buf_str(&text), text.len));
    buf_free(&text);
    return out;
}

/* Bytes of the UTF-8 character at `at`; jansson's strings are always well formed. */
static size_t character_length(const char *at, const char *end)
{
    size_t len = 1;
    while (at + len < end && ((unsigned char)at[len] & 0xc0) == 0x80)
        len++;
    return len;
}

/* Splits at every character that occurs in the splitter; empty pieces are dropped. */
json_t *asl_states_string_split(const struct asl_call *call)
{
    const json_t *text = call->args[0], *splitter = call->args[1];
    if (!json_is_string(text) || !json_is_string(splitter))
        return asl_call_refuse(call, NULL);
    const char *start = json_string_value(text), *end = start + json_string_length(text);
    const char *marks = json_string_value(splitter);
    size_t marks_len = json_string_length(splitter);
    json_t *out = json_array();
    const char *piece = start;
    for (const char *at = start; out && at <= end;) {
        size_t len = at < end ? character_length(at, end) : 1;
        /* UTF-8 characters cannot be found inside one another, so bytes may be compared. */
        if (at == end || memmem(marks, marks_len, at, len)) {
            if (at > piece &&
                json_array_append_new(out, json_stringn(piece, (size_t)(at - piece))) != 0) {
                json_decref(out);
                out = NULL;
            }
            piece = at + len;
        }
        at += len;
    }
    return asl_call_result(call, out);
}

/* A random one (version 4), new at each evaluation. */
json_t *asl_states_uuid(const struct asl_call *call)
{
    char uuid[UUID_TEXT];
    struct error err;
    if (crypto_uuid(uuid, &err))
        return asl_call_fail(call, "%s", err.message);
    return asl_call_result(call, json_string(uuid));
}
