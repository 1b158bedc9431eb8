/* The chain is an array walked in order; another source is one more function and row. */
#include "lib/aws/credentials.h"

#include "lib/aws/endpoint.h"

#include <stdlib.h>
#include <string.h>

/* NOT_CONFIGURED passes the question on to the next source; FAILED ends the search, because half a
 * configuration is a mistake that must be told and not papered over by the next source. */
enum found { NOT_CONFIGURED, FOUND, FAILED };

/* Secrets are overwritten before their memory goes back. */
static char *wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
    return NULL;
}

void credentials_close(struct credentials *c)
{
    c->access_key_id = wipe(c->access_key_id);
    c->secret_access_key = wipe(c->secret_access_key);
    c->session_token = wipe(c->session_token);
}

/* Copied, because environment and options may change or go while the client lives. */
static enum found copy(struct credentials *out, const char *id, const char *secret,
                       const char *token, struct error *err)
{
    out->access_key_id = strdup(id);
    out->secret_access_key = strdup(secret);
    out->session_token = token && *token ? strdup(token) : NULL;
    if (out->access_key_id && out->secret_access_key && (out->session_token || !token || !*token))
        return FOUND;
    credentials_close(out);
    err_set(err, ERR_MEMORY, "out of memory for credentials");
    return FAILED;
}

static enum found from_options(const struct aws_options *o, struct credentials *out,
                               struct error *err)
{
    if (!o->access_key_id && !o->secret_access_key)
        return NOT_CONFIGURED;
    if (o->access_key_id && o->secret_access_key)
        return copy(out, o->access_key_id, o->secret_access_key, o->session_token, err);
    err_set(err, ERR_ARGUMENT, "explicit credentials need both an access key id and a secret");
    return FAILED;
}

static enum found from_environment(const struct aws_options *o, struct credentials *out,
                                   struct error *err)
{
    const char *id = aws_getenv(o, "AWS_ACCESS_KEY_ID");
    const char *secret = aws_getenv(o, "AWS_SECRET_ACCESS_KEY");
    if (!id && !secret)
        return NOT_CONFIGURED;
    if (id && secret)
        return copy(out, id, secret, aws_getenv(o, "AWS_SESSION_TOKEN"), err);
    err_set(err, ERR_ARGUMENT, "%s is set but %s is not",
            id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
            id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return FAILED;
}

/* The error names the source that failed; "not configured" is said only when none is. */
int credentials_fetch(const struct aws_options *options, struct credentials *out, struct error *err)
{
    static const struct source {
        const char *name;
        enum found (*fetch)(const struct aws_options *, struct credentials *, struct error *);
    } sources[] = {{"options", from_options}, {"environment", from_environment}};
    *out = (struct credentials){0};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        enum found found = sources[i].fetch(options, out, err);
        if (found == FOUND)
            return 0;
        if (found == FAILED)
            return err_wrap(err, "AWS credentials (%s)", sources[i].name);
    }
    return err_set(err, ERR_ARGUMENT,
                   "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool credentials_equal(const struct credentials *a, const struct credentials *b)
{
    return same(a->access_key_id, b->access_key_id) &&
           same(a->secret_access_key, b->secret_access_key) &&
           same(a->session_token, b->session_token);
}
