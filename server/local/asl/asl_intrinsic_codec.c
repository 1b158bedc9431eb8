/* States.Base64Encode, States.Base64Decode and States.Hash, each limited to 10 000 characters. */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/local/asl/asl_intrinsic.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Counts characters, not bytes: every byte that does not continue a UTF-8 sequence begins one. */
static bool too_long(const char *text, size_t len)
{
    size_t characters = 0;
    for (size_t i = 0; i < len; i++)
        characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    return characters > ASL_CODEC_CHARS_MAX;
}

/* The string argument, checked for its length; NULL after refusing the call. */
static const char *text_argument(const struct asl_call *call, size_t *len)
{
    const json_t *arg = call->args[0];
    if (!json_is_string(arg)) {
        (void)asl_call_refuse(call, NULL);
        return NULL;
    }
    *len = json_string_length(arg);
    if (too_long(json_string_value(arg), *len)) {
        (void)asl_call_refuse(call, "the text is longer than 10000 characters");
        return NULL;
    }
    return json_string_value(arg);
}

/* Standard alphabet, with padding, over the text's UTF-8. */
json_t *asl_states_base64_encode(const struct asl_call *call)
{
    size_t len;
    const char *text = text_argument(call, &len);
    if (!text)
        return NULL;
    char *out = malloc(crypto_base64_size(len));
    if (!out)
        return asl_call_result(call, NULL);
    crypto_base64(text, len, out);
    json_t *value = json_string(out);
    free(out);
    return asl_call_result(call, value);
}

/* A JSON string of any bytes; those that are not UTF-8 become U+FFFD. */
static json_t *string_of_bytes(const unsigned char *data, size_t len)
{
    struct buf quoted;
    buf_init(&quoted, BUF_MAX_PAYLOAD);
    json_quote(&quoted, (const char *)data, len);
    json_t *value = quoted.failed ? NULL
                                  : json_loadb(buf_str(&quoted), quoted.len,
                                               JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    buf_free(&quoted);
    return value;
}

/* Keeps the digits up to the padding and pads anew: the service ignores what is not base64 and
 * does not insist on padding. False when a lone digit is left over. */
static bool normalise(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len && text[i] != '='; i++)
        if (isalnum((unsigned char)text[i]) || text[i] == '+' || text[i] == '/')
            buf_addc(out, text[i]);
    if (out->len % 4 == 1)
        return false;
    while (out->len % 4 != 0 && !out->failed)
        buf_addc(out, '=');
    return !out->failed;
}

/* The bytes are read as UTF-8, because a result must be JSON. */
json_t *asl_states_base64_decode(const struct asl_call *call)
{
    size_t len;
    struct buf digits;
    struct error err;
    const char *text = text_argument(call, &len);
    if (!text)
        return NULL;
    buf_init(&digits, BUF_MAX_LINE);
    json_t *value = NULL;
    unsigned char *data = malloc(len + 4);
    size_t data_len = 0;
    if (!data)
        (void)asl_fail_memory(call->f);
    else if (!normalise(&digits, text, len) ||
             crypto_base64_decode(buf_str(&digits), digits.len, data, &data_len, &err))
        (void)asl_call_refuse(call, "the text is not base64");
    else
        value = asl_call_result(call, string_of_bytes(data, data_len));
    free(data);
    buf_free(&digits);
    return value;
}

/* The names are those the service documents, and they are case-sensitive. */
static bool find_digest(const json_t *name, enum digest_kind *kind)
{
    static const struct {
        const char *name;
        enum digest_kind kind;
    } kinds[] = {
        {"MD5", DIGEST_MD5},        {"SHA-1", DIGEST_SHA1},     {"SHA-256", DIGEST_SHA256},
        {"SHA-384", DIGEST_SHA384}, {"SHA-512", DIGEST_SHA512},
    };
    for (size_t i = 0; json_is_string(name) && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, json_string_value(name)) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    return false;
}

/* Lower-case hex of the digest. */
static json_t *hash_text(const struct asl_call *call, enum digest_kind kind, const char *text,
                         size_t len)
{
    struct error err;
    unsigned char out[DIGEST_BYTES_MAX];
    char hex[2 * DIGEST_BYTES_MAX + 1];
    size_t size = 0;
    struct digest *d = digest_new(kind, &err);
    if (d && digest_add(d, text, len, &err) == 0)
        size = digest_end(d, out);
    (void)digest_free(d);
    if (size == 0)
        return asl_call_fail(call, "the digest could not be computed");
    crypto_hex(out, size, hex);
    return asl_call_result(call, json_string(hex));
}

/* Data that is not a text is hashed as its compact JSON. */
json_t *asl_states_hash(const struct asl_call *call)
{
    enum digest_kind kind;
    if (!find_digest(call->args[1], &kind))
        return asl_call_refuse(call, "the algorithm is not known");
    struct buf text;
    buf_init(&text, BUF_MAX_PAYLOAD);
    if (json_is_string(call->args[0]))
        buf_add(&text, json_string_value(call->args[0]), json_string_length(call->args[0]));
    else
        json_dump(&text, call->args[0]);
    json_t *value = text.failed ? asl_call_result(call, NULL)
                    : too_long(buf_str(&text), text.len)
                        ? asl_call_refuse(call, "the data is longer than 10000 characters")
                        : hash_text(call, kind, buf_str(&text), text.len);
    buf_free(&text);
    return value;
}
