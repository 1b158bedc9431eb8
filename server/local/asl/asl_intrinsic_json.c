/* States.StringToJson, States.JsonToString and States.JsonMerge: between texts and documents. */
#include "lib/json/json_read.h"
#include "server/local/asl/asl_intrinsic.h"

#include <string.h>

/* Repeated names are allowed here (the last one wins), unlike in definitions; a text of nothing
 * but white space reads as null. */
json_t *asl_states_string_to_json(const struct asl_call *call)
{
    const json_t *arg = call->args[0];
    if (!json_is_string(arg))
        return asl_call_refuse(call, NULL);
    const char *text = json_string_value(arg);
    size_t len = json_string_length(arg);
    if (strspn(text, " \t\r\n") == len)
        return json_null();
    json_t *value = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    return value ? value : asl_call_refuse(call, "the text is not JSON");
}

/* Compact, members in their order, reals in the fewest digits. */
json_t *asl_states_json_to_string(const struct asl_call *call)
{
    struct buf text;
    buf_init(&text, BUF_MAX_PAYLOAD);
    json_dump(&text, call->args[0]);
    json_t *out = text.failed ? asl_call_refuse(call, "the result is too long")
                              : asl_call_result(call, json_stringn(buf_str(&text), text.len));
    buf_free(&text);
    return out;
}

/* Members of the second object win. Only the shallow mode exists in the service: the third
 * argument must be false. */
json_t *asl_states_json_merge(const struct asl_call *call)
{
    if (!json_is_object(call->args[0]) || !json_is_object(call->args[1]) ||
        !json_is_false(call->args[2]))
        return asl_call_refuse(call, NULL);
    json_t *out = json_copy(call->args[0]);
    if (out && json_object_update(out, call->args[1]) != 0) {
        json_decref(out);
        out = NULL;
    }
    return asl_call_result(call, out);
}
