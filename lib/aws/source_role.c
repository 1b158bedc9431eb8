/* Roles: temporary credentials from STS, by a client of its own, so that signing, retries, endpoint
 * and clock are the same as for all calls. */
#include "lib/aws/source.h"

#include "lib/aws/config_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPT_MS = 10000, SLICE_MS = 50, TOKEN_MAX = 20000 };

struct asked {
    struct credentials *out;
    struct error *err;
    bool done;
    int rc;
};

static void on_answer(void *ctx, struct aws_response *response, const struct error *err)
{
    struct asked *a = ctx;
    a->done = true;
    if (!err)
        a->rc = sts_credentials_read(response, a->out, a->err);
    else
        a->rc = -1;
    if (err && a->err)
        *a->err = *err;
}

/* Polls in slices, so that a stop is heard. */
static int call(const struct source_input *in, struct aws *sts, struct aws_request *request,
                struct credentials *out, struct error *err)
{
    struct asked a = {.out = out, .err = err};
    request->timeout_ms = ATTEMPT_MS;
    request->max_reply = BUF_MAX_LINE;
    if (aws_send(sts, request, on_answer, &a, err))
        return -1;
    while (!a.done) {
        if (source_stopped(in))
            return err_set(err, ERR_TIMEOUT, "told to stop");
        if (aws_poll(sts, SLICE_MS, err) < 0)
            return -1;
    }
    return a.rc;
}

/* Explicit credentials keep the inner client from asking the chain, and so from asking itself. Of
 * an unsigned call they are never used. */
static struct aws *open_sts(const struct source_input *in, const struct credentials *base,
                            struct error *err)
{
    struct aws_options options = *in->options;
    options.access_key_id = base ? base->access_key_id : "unsigned";
    options.secret_access_key = base ? base->secret_access_key : "unsigned";
    options.session_token = base ? base->session_token : NULL;
    return aws_new(&options, err);
}

/* The session's name is what finds it in the account's logs. */
int source_role(const struct source_input *in, const struct sts_role *role,
                const struct credentials *base, struct credentials *out, struct error *err)
{
    char name[64];
    struct sts_role named = *role;
    struct aws_request request = {0};
    (void)snprintf(name, sizeof name, "stepfleet-%" PRId64,
                   clock_wall(source_clock(in)) / CLOCK_SECOND);
    if (!named.session_name)
        named.session_name = name;
    int rc = base ? sts_assume_role(&request, &named, err)
                  : sts_assume_role_with_web_identity(&request, &named, err);
    struct aws *sts = rc ? NULL : open_sts(in, base, err);
    if (sts)
        rc = call(in, sts, &request, out, err);
    aws_request_free(&request);
    aws_free(sts);
    return sts ? rc : -1;
}

static int read_token(const char *path, char **out, struct error *err)
{
    size_t len = 0;
    if (config_slurp(path, TOKEN_MAX, out, &len, err))
        return -1;
    if (!*out)
        return err_set(err, ERR_ARGUMENT, "there is no token file %.300s", path);
    while (len && strchr(" \t\r\n", (*out)[len - 1]))
        (*out)[--len] = '\0';
    if (len >= 4 && strlen(*out) == len)
        return 0;
    *out = credentials_wipe(*out);
    return err_set(err, ERR_ARGUMENT, "the token file %.300s holds no token", path);
}

/* A token that was refused may have been replaced at this very moment: the file is read once more,
 * but only a different token is worth a second call. */
int source_web_identity_role(const struct source_input *in, const struct sts_role *role,
                             const char *token_file, struct credentials *out, struct error *err)
{
    char *token = NULL;
    char *newer = NULL;
    struct error why = {0};
    struct sts_role proven = *role;
    int rc = read_token(token_file, &token, &why);
    proven.web_identity_token = token;
    if (!rc && (rc = source_role(in, &proven, NULL, out, &why)) &&
        (err_is_remote(&why, "InvalidIdentityToken") ||
         err_is_remote(&why, "ExpiredTokenException")) &&
        read_token(token_file, &newer, NULL) == 0 && strcmp(newer, token) != 0) {
        proven.web_identity_token = newer;
        rc = source_role(in, &proven, NULL, out, &why);
    }
    credentials_wipe(token);
    credentials_wipe(newer);
    if (rc && err)
        *err = why;
    return rc;
}
