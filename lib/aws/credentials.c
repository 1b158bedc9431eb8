/* The chain is an array walked in order; another source is one more file and row. */
#include "lib/aws/source.h"

#include "lib/aws/endpoint.h"

#include <stdlib.h>
#include <string.h>

char *credentials_wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
    return NULL;
}

void credentials_close(struct credentials *c)
{
    c->access_key_id = credentials_wipe(c->access_key_id);
    c->secret_access_key = credentials_wipe(c->secret_access_key);
    c->session_token = credentials_wipe(c->session_token);
    c->expires = 0;
}

/* Copied, because environment and options may change or go while the client lives. */
enum found source_copy(struct credentials *out, const char *id, const char *secret,
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

enum found source_options(const struct source_input *in, struct credentials *out, struct error *err)
{
    const struct aws_options *o = in->options;
    if (!o->access_key_id && !o->secret_access_key)
        return NOT_CONFIGURED;
    if (o->access_key_id && o->secret_access_key)
        return source_copy(out, o->access_key_id, o->secret_access_key, o->session_token, err);
    err_set(err, ERR_ARGUMENT, "explicit credentials need both an access key id and a secret");
    return FAILED;
}

enum found source_environment(const struct source_input *in, struct credentials *out,
                              struct error *err)
{
    const char *id = aws_getenv(in->options, "AWS_ACCESS_KEY_ID");
    const char *secret = aws_getenv(in->options, "AWS_SECRET_ACCESS_KEY");
    if (!id && !secret)
        return NOT_CONFIGURED;
    if (id && secret)
        return source_copy(out, id, secret, aws_getenv(in->options, "AWS_SESSION_TOKEN"), err);
    err_set(err, ERR_ARGUMENT, "%s is set but %s is not",
            id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
            id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return FAILED;
}

bool source_stopped(const struct source_input *in)
{
    bool (*interrupted)(void) = in->options->interrupted;
    return (in->stop && atomic_load(in->stop)) || (interrupted && interrupted());
}

const struct clock *source_clock(const struct source_input *in)
{
    return in->options->clock ? in->options->clock : clock_system();
}

/* What the last source said is told too: it is the one that cannot know whether it was meant. */
static int nothing_found(const struct error *why, struct error *err)
{
    return err_set(err, ERR_ARGUMENT,
                   "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                   "AWS_PROFILE, or run with the role of a task or an instance%s%s%s",
                   why->message[0] ? " (" : "", why->message, why->message[0] ? ")" : "");
}

/* The error names the source that failed; "not configured" is said only when none is. */
int credentials_fetch_until(const struct aws_options *options, const atomic_bool *stop,
                            struct credentials *out, struct error *err)
{
    static const struct {
        const char *name;
        source_fn fetch;
    } sources[] = {{"options", source_options},           {"environment", source_environment},
                   {"web identity", source_web_identity}, {"profile", source_profile},
                   {"container", source_container},       {"instance metadata", source_imds}};
    const struct source_input in = {options, stop};
    struct error why = {0};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        *out = (struct credentials){0};
        enum found found = sources[i].fetch(&in, out, &why);
        out->source = sources[i].name;
        if (found == FOUND)
            return 0;
        if (found == FAILED) {
            if (err)
                *err = why;
            return err_wrap(err, "AWS credentials (%s)", sources[i].name);
        }
    }
    return nothing_found(&why, err);
}

int credentials_fetch(const struct aws_options *options, struct credentials *out, struct error *err)
{
    return credentials_fetch_until(options, NULL, out, err);
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
