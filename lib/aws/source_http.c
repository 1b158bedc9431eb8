/* HTTP for metadata services: a client of its own, because the AWS client's is busy with calls that
 * another thread drives. */
#include "lib/aws/source.h"

#include "lib/aws/endpoint.h"

#include <string.h>

enum { SLICE_MS = 50 };

static int stopped(struct error *err)
{
    return err_set(err, ERR_TIMEOUT, "told to stop");
}

static bool is_stopped(void *ctx)
{
    return source_stopped(ctx);
}

/* One attempt; the request's own timeout ends it at the latest. */
static int ask(const struct source_input *in, struct http_client *http,
               const struct http_request *request, struct http_response *out, struct error *err)
{
    return http_client_call_until(http, request, is_stopped, (void *)in, out, err);
}

/* Waits on the options' clock, in slices so that a stop is heard. */
static int pause_for(const struct source_input *in, struct http_client *http, int64_t pause,
                     struct error *err)
{
    const struct clock *clock = source_clock(in);
    int64_t end = clock_mono(clock) + pause;
    while (clock_mono(clock) < end) {
        if (source_stopped(in))
            return stopped(err);
        if (http_client_poll(http, SLICE_MS, err) < 0)
            return -1;
    }
    return 0;
}

static bool is_worth_another(int rc, const struct http_response *r, const struct error *err)
{
    if (rc)
        return err->code == ERR_NETWORK || err->code == ERR_TIMEOUT;
    return r->status == 429 || r->status >= 500;
}

int source_http_call(const struct source_input *in, const struct source_http *how,
                     struct http_response *out, struct error *err)
{
    const struct http_client_options options = {
        .ca_bundle = aws_getenv(in->options, "AWS_CA_BUNDLE"),
        .user_agent = "stepfleet/" STEPFLEET_VERSION,
        .connect_ms = how->request->timeout_ms,
    };
    struct error why = {0};
    *out = (struct http_response){0};
    struct http_client *http = http_client_new(&options, err);
    if (!http)
        return -1;
    int rc = ask(in, http, how->request, out, &why);
    for (int i = 1; i < how->attempts && is_worth_another(rc, out, &why); i++) {
        if (pause_for(in, http, how->pause, &why))
            break;
        http_response_free(out);
        rc = ask(in, http, how->request, out, &why);
    }
    http_client_free(http);
    if (rc && err)
        *err = why;
    return rc;
}
