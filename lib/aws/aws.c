/* The client: settings in, calls out. What happens to a call is in flight.c. */
#include "lib/aws/aws.h"

#include "lib/aws/flight.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_ATTEMPTS = 3, ATTEMPTS_LIMIT = 100, CALL_POLL_MS = 1000 };

/* The number of attempts by options, AWS_MAX_ATTEMPTS, or the default. */
static int read_attempts(const struct aws_options *options, int *out, struct error *err)
{
    const char *text = aws_getenv(options, "AWS_MAX_ATTEMPTS");
    *out = options->max_attempts > 0 ? options->max_attempts : DEFAULT_ATTEMPTS;
    if (options->max_attempts > 0 || !text)
        return 0;
    char *end = NULL;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > ATTEMPTS_LIMIT)
        return err_set(err, ERR_ARGUMENT,
                       "AWS_MAX_ATTEMPTS must be a number from 1 to %d, not '%.32s'",
                       ATTEMPTS_LIMIT, text);
    *out = (int)value;
    return 0;
}

/* There is one way to retry here, "standard"; the other two names are taken for it, because the
 * variable is often set for other programs. */
static int check_retry_mode(const struct aws_options *options, struct error *err)
{
    static const char *const modes[] = {"standard", "legacy", "adaptive"};
    const char *mode = aws_getenv(options, "AWS_RETRY_MODE");
    for (size_t i = 0; mode && i < sizeof modes / sizeof *modes; i++)
        if (strcasecmp(mode, modes[i]) == 0)
            return 0;
    return mode ? err_set(err, ERR_ARGUMENT,
                          "AWS_RETRY_MODE must be standard, legacy or adaptive, not '%.32s'", mode)
                : 0;
}

/* All settings are read here and now: a client does not change when the environment does, except
 * for credentials that have expired. */
static int open_client(struct aws *a, const struct aws_options *options, struct error *err)
{
    const struct http_client_options http = {
        .ca_bundle = aws_getenv(options, "AWS_CA_BUNDLE"),
        .user_agent = "stepfleet/" STEPFLEET_VERSION,
    };
    a->clock = options->clock ? options->clock : clock_system();
    a->log = options->log;
    a->observe = options->observe;
    a->observe_ctx = options->observe_ctx;
    retry_bucket_open(&a->bucket);
    struct aws_options chain = *options;
    int rc = read_attempts(options, &a->max_attempts, err);
    if (!rc)
        rc = check_retry_mode(options, err);
    if (!rc)
        rc = aws_region_find(options, a->region, err);
    if (!rc)
        rc = endpoints_open(&a->endpoints, options, err);
    chain.region = a->region;
    if (!rc)
        rc = refresh_open(&a->refresh, &chain, err);
    if (!rc)
        a->http = http_client_new(&http, err);
    return rc ? rc : a->http ? 0 : -1;
}

struct aws *aws_new(const struct aws_options *options, struct error *err)
{
    static const struct aws_options defaults = {0};
    struct aws *a = calloc(1, sizeof *a);
    if (!a) {
        err_set(err, ERR_MEMORY, "out of memory for the AWS client");
        return NULL;
    }
    if (open_client(a, options ? options : &defaults, err))
        return aws_free(a);
    return a;
}

/* Callbacks of calls in flight are not called: their owners are often half taken down already. */
struct aws *aws_free(struct aws *a)
{
    if (!a)
        return NULL;
    http_client_free(a->http); /* first: what is in flight points to the flights */
    while (a->flights)
        flight_drop(a->flights);
    retry_heap_close(&a->waiting);
    refresh_close(&a->refresh);
    endpoints_close(&a->endpoints);
    free(a);
    return NULL;
}

const char *aws_region(const struct aws *a)
{
    return a->region;
}

const char *aws_credentials_source(const struct aws *a)
{
    return a->refresh.current.source;
}

int aws_send(struct aws *a, struct aws_request *request, aws_done_fn done, void *ctx,
             struct error *err)
{
    return flight_launch(a, request, done, ctx, err);
}

/* Sends again what has waited long enough. */
static void resume_due(struct aws *a)
{
    int64_t now = clock_mono(a->clock);
    for (struct flight *f; (f = retry_heap_pop(&a->waiting, now));)
        flight_resume(f);
}

/* The caller's patience, or the time to the next retry if that is shorter (rounded up, so that it
 * is due when we wake). */
static int wait_ms(const struct aws *a, int timeout_ms)
{
    if (a->waiting.count == 0)
        return timeout_ms;
    int64_t left = a->waiting.slots[0].due - clock_mono(a->clock);
    int64_t ms = left > 0 ? (left + CLOCK_MS - 1) / CLOCK_MS : 0;
    return ms < timeout_ms ? (int)ms : timeout_ms;
}

/* Retries are sent before the wait and, because some become due meanwhile, after it. */
int aws_poll(struct aws *a, int timeout_ms, struct error *err)
{
    resume_due(a);
    if (http_client_poll(a->http, wait_ms(a, timeout_ms), err) < 0)
        return -1;
    resume_due(a);
    return a->count < INT_MAX ? (int)a->count : INT_MAX;
}

void aws_wakeup(struct aws *a)
{
    http_client_wakeup(a->http);
}

/* Where aws_call waits. */
struct waiting_call {
    struct aws_response *out;
    struct error *err;
    bool done;
    int rc;
};

/* The answer moves to the caller, with the error where the service gave both. */
static void call_done(void *ctx, struct aws_response *response, const struct error *err)
{
    struct waiting_call *w = ctx;
    w->done = true;
    if (response) {
        *w->out = *response;
        *response = (struct aws_response){0};
    }
    if (err) {
        w->rc = -1;
        if (w->err)
            *w->err = *err;
    }
}

static void ignore_done(void *ctx, struct aws_response *response, const struct error *err)
{
    (void)ctx;
    (void)response;
    (void)err;
}

/* For callers with nothing else to do: sends, then polls until this one is answered. */
int aws_call(struct aws *a, struct aws_request *request, struct aws_response *out,
             struct error *err)
{
    struct waiting_call w = {.out = out, .err = err};
    *out = (struct aws_response){0};
    if (aws_send(a, request, call_done, &w, err))
        return -1;
    while (!w.done) {
        if (aws_poll(a, CALL_POLL_MS, err) >= 0)
            continue;
        /* The call goes on in the client, but nobody may write to our stack any more. */
        for (struct flight *f = a->flights; f; f = f->next)
            f->done = f->ctx == &w ? ignore_done : f->done;
        return -1;
    }
    return w.rc;
}
