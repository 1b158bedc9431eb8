/* Credentials as JSON: what containers, instances and credential programs answer. Nothing of the
 * text may come into a message. */
#include "lib/aws/source.h"

#include "lib/base/clock.h"
#include "lib/json/json_read.h"

#include <string.h>

int source_read_object(const json_t *object, const char *token_name, struct credentials *out,
                       struct error *err)
{
    const char *id = json_str(object, "AccessKeyId", "");
    const char *secret = json_str(object, "SecretAccessKey", "");
    const char *expires = json_str(object, "Expiration", "");
    int64_t at = 0;
    if (!*id || !*secret)
        return err_set(err, ERR_SYNTAX, "the answer has no %s",
                       *id ? "SecretAccessKey" : "AccessKeyId");
    if (*expires && clock_parse_rfc3339(expires, &at, NULL))
        return err_set(err, ERR_SYNTAX, "the answer's Expiration is no time of ISO 8601");
    if (source_copy(out, id, secret, json_str(object, token_name, ""), err) != FOUND)
        return -1;
    out->expires = at;
    return 0;
}

int source_read_json(const char *text, size_t len, const char *token_name, struct credentials *out,
                     struct error *err)
{
    json_t *object = NULL;
    struct error why = {0};
    if (json_parse(text, len, &object, &why) || !json_is_object(object)) {
        json_decref(object);
        return err_set(err, ERR_SYNTAX, "the answer is not a JSON object");
    }
    int rc = source_read_object(object, token_name, out, err);
    json_decref(object);
    return rc;
}
