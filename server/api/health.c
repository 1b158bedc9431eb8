/* Liveness says only that requests are answered. Readiness asks the parts that requests rely on;
 * its answer names each of them, so that it is also the first thing to look at when something is
 * wrong. */
#include "lib/json/json_write.h"
#include "server/api/api.h"
#include "server/store/store.h"

#include <stdio.h>

/* The loop turns at least every few seconds; longer than this and it hangs. */
#define LOOP_STALE (INT64_C(30) * CLOCK_SECOND)
/* The loop calls AWS at least every minute, whether there are runs or not. */
#define AWS_STALE (INT64_C(240) * CLOCK_SECOND)

void api_livez(struct api_call *call)
{
    static const char ok[] = "{\"status\":\"ok\"}\n";
    http_add_header(call->x, "Cache-Control", "no-store");
    http_reply_const(call->x, 200, "application/json", ok, sizeof ok - 1);
}

/* One part and how it is; `detail` is empty while it is well. */
struct check {
    const char *name;
    bool ok;
    char detail[256];
};

enum { CHECKS = 3 };

/* AWS is not called for this: the loop's last calls tell how it is, and a probe must be cheap. */
static void check_all(struct api_call *call, struct check checks[CHECKS])
{
    const struct control_health *h = call->sv->health;
    int64_t now = clock_mono(call->sv->clock);
    int64_t loop_age = now - atomic_load(&h->loop_at);
    int64_t ok_at = atomic_load(&h->aws_ok_at);
    int64_t fail_at = atomic_load(&h->aws_fail_at);
    struct error err = {0};
    checks[0] = (struct check){.name = "store", .ok = store_ping(call->sv->store, &err) == 0};
    (void)snprintf(checks[0].detail, sizeof checks[0].detail, "%.200s", err.message);
    checks[1] = (struct check){.name = "control", .ok = loop_age < LOOP_STALE};
    if (!checks[1].ok)
        (void)snprintf(checks[1].detail, sizeof checks[1].detail,
                       "the control loop has not turned for %lld s",
                       (long long)(loop_age / CLOCK_SECOND));
    checks[2] = (struct check){.name = "aws", .ok = ok_at > fail_at && now - ok_at < AWS_STALE};
    if (!checks[2].ok)
        (void)snprintf(checks[2].detail, sizeof checks[2].detail, "%s",
                       fail_at > ok_at ? "the last AWS call failed: see the log"
                       : ok_at         ? "AWS has not answered for some minutes"
                                       : "AWS has not answered yet");
}

/* How the audit tables are read, and how far behind that is; not a matter of readiness. */
static void write_mirror(struct json_writer *w, const struct control_health *h, int64_t now)
{
    static const char *const sources[] = {[SOURCE_UNKNOWN] = "query",
                                          [SOURCE_STREAM] = "stream",
                                          [SOURCE_NO_STREAM] = "query: the table has no stream",
                                          [SOURCE_DENIED] = "query: the stream may not be read",
                                          [SOURCE_UNREACHABLE] =
                                              "query: the streams endpoint does not answer"};
    char pattern[] = "pattern0";
    jw_object(w, "mirror");
    jw_num(w, "lagSeconds", control_lag_seconds(h, now));
    for (int p = 1; p <= 2; p++) {
        pattern[sizeof pattern - 2] = (char)('0' + p);
        jw_object(w, pattern);
        jw_str(w, "summary", sources[atomic_load(&h->source[p][MIRROR_SUMMARY])]);
        jw_str(w, "details", sources[atomic_load(&h->source[p][MIRROR_DETAILS])]);
        jw_end_object(w);
    }
    jw_end_object(w);
}

/* All checks are told, also those that are well. */
void api_readyz(struct api_call *call)
{
    struct check checks[CHECKS];
    struct buf body;
    struct json_writer w;
    bool ready = true;
    check_all(call, checks);
    for (int i = 0; i < CHECKS; i++)
        ready = ready && checks[i].ok;
    buf_init(&body, BUF_MAX_LINE);
    jw_init(&w, &body);
    jw_object(&w, NULL);
    jw_str(&w, "status", ready ? "ready" : "not ready");
    jw_object(&w, "checks");
    for (int i = 0; i < CHECKS; i++)
        jw_str(&w, checks[i].name, checks[i].ok ? "ok" : checks[i].detail);
    jw_end_object(&w);
    write_mirror(&w, call->sv->health, clock_mono(call->sv->clock));
    jw_end_object(&w);
    buf_addc(&body, '\n');
    http_add_header(call->x, "Cache-Control", "no-store");
    http_reply_take(call->x, ready ? 200 : 503, "application/json", &body);
    buf_free(&body);
}
