/* A flight goes: launch -> attempt -> (repair or retry -> wait -> attempt)* -> finish. It is in the
 * client's list from launch to finish, and besides in the HTTP client or in the heap, never in
 * both. */
#include "lib/aws/flight.h"

#include "lib/aws/answer.h"
#include "lib/aws/attempt.h"
#include "lib/aws/repair.h"
#include "lib/aws/request.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_AFTER_MAX_SECONDS = 20, CREDENTIALS_LOOK_MS = 20 };

/* Puts the flight at the head of the client's list. */
static void link_flight(struct flight *f)
{
    struct aws *a = f->owner;
    f->next = a->flights;
    if (f->next)
        f->next->prev = f;
    a->flights = f;
    a->count++;
}

static void unlink_flight(struct flight *f)
{
    if (f->prev)
        f->prev->next = f->next;
    else
        f->owner->flights = f->next;
    if (f->next)
        f->next->prev = f->prev;
    f->owner->count--;
}

void flight_drop(struct flight *f)
{
    unlink_flight(f);
    aws_request_free(&f->request);
    free(f);
}

/* Tells the owner how it ended. */
static void finish(struct flight *f, struct aws_response *response, const struct error *err)
{
    struct aws *a = f->owner;
    if (!err)
        retry_bucket_refund(&a->bucket, f->cost);
    log_debug(a->log, err ? "AWS call failed" : "AWS call done",
              LOG_STR("service", aws_service_info(f->request.service)->name),
              LOG_STR("operation", f->request.operation), LOG_INT("attempts", f->attempt),
              LOG_STR("aws_request_id", response ? response->request_id : ""),
              LOG_STR("error", err ? err->message : ""));
    f->done(f->ctx, response, err);
    flight_drop(f);
}

/* Seconds of a Retry-After header (Lambda sends one), within reason. */
static int64_t asked_delay(const struct aws_response *r)
{
    char text[16];
    if (!http_response_header(&r->http, "retry-after", text, sizeof text))
        return 0;
    long seconds = strtol(text, NULL, 10);
    if (seconds < 0)
        seconds = 0;
    return (seconds < RETRY_AFTER_MAX_SECONDS ? seconds : RETRY_AFTER_MAX_SECONDS) * CLOCK_SECOND;
}

/* Puts the flight among those that wait, if rules and tokens allow another attempt. */
static bool retry(struct flight *f, const struct aws_response *r, const struct error *err)
{
    struct aws *a = f->owner;
    int64_t delay = 0;
    if (!repair_flight(f, r, err)) {
        enum retry_kind kind = retry_classify(f->request.service, err);
        if (kind == RETRY_NEVER || f->attempt >= f->max_attempts ||
            !retry_bucket_take(&a->bucket, kind, &f->cost))
            return false;
        int64_t asked = asked_delay(r);
        delay = retry_delay(f->attempt - 1, crypto_random_unit());
        delay = delay > asked ? delay : asked;
    }
    log_debug(a->log, "AWS call is tried again",
              LOG_STR("service", aws_service_info(f->request.service)->name),
              LOG_STR("operation", f->request.operation), LOG_INT("attempt", f->attempt),
              LOG_INT("delay_ms", delay / CLOCK_MS), LOG_STR("aws_request_id", r->request_id),
              LOG_STR("error", err->message));
    retry_heap_push(&a->waiting, clock_mono(a->clock) + delay, f);
    return true;
}

static void observe(const struct flight *f, const struct error *err)
{
    const struct aws *a = f->owner;
    if (!a->observe)
        return;
    const struct aws_attempt attempt = {
        .service = aws_service_info(f->request.service)->name,
        .operation = f->request.operation,
        .took = clock_mono(a->clock) - f->sent_at,
        .throttled = err && retry_classify(f->request.service, err) == RETRY_THROTTLE,
        .failed = err != NULL,
    };
    a->observe(a->observe_ctx, &attempt);
}

/* The response is the flight's until its owner's callback takes parts of it over. */
static void on_http(void *ctx, struct http_response *http, const struct error *http_err)
{
    struct flight *f = ctx;
    struct aws_response response = {.attempts = f->attempt};
    struct error err = {0};
    int rc = -1;
    if (http)
        rc = answer_read(&f->request, http, &response, &err);
    else
        err = *http_err;
    observe(f, rc ? &err : NULL);
    if (rc == 0) {
        finish(f, &response, NULL);
    } else if (!retry(f, &response, &err)) {
        err_wrap(&err, "%s %s", aws_service_info(f->request.service)->name, f->request.operation);
        finish(f, err.code == ERR_REMOTE ? &response : NULL, &err);
    }
    aws_response_free(&response);
}

/* Whether there is something to sign with. A flight that has to wait for new credentials looks
 * again after a moment; it is no attempt. That there will be none is told by the callback, never by
 * aws_send: to its callers it is a failure of the call like others. */
static enum refresh_state check_credentials(struct flight *f, struct error *err)
{
    struct aws *a = f->owner;
    bool refused = (f->repaired & REPAIR_CREDENTIALS) && f->credentials_age == a->refresh.age;
    if (f->request.anonymous)
        return REFRESH_READY;
    enum refresh_state state =
        refresh_check(&a->refresh, clock_wall(a->clock) + a->skew, refused, err);
    if (state == REFRESH_READY || (state == REFRESH_FAILED && f->looked))
        return state;
    f->looked = true;
    retry_heap_push(&a->waiting, clock_mono(a->clock) + CREDENTIALS_LOOK_MS * CLOCK_MS, f);
    return REFRESH_WAIT;
}

/* The request is signed anew for each attempt: a signature is good for minutes only, and
 * credentials, clock or region may have been put right since. */
static int send_attempt(struct flight *f, struct error *err)
{
    struct aws *a = f->owner;
    struct attempt t;
    enum refresh_state state = check_credentials(f, err);
    if (state != REFRESH_READY)
        return state == REFRESH_WAIT ? 0 : -1;
    const struct attempt_input in = {
        .request = &f->request,
        .endpoints = &a->endpoints,
        .credentials = &a->refresh.current,
        .region = f->region,
        .payload_hash = f->payload_hash,
        .invocation_id = f->invocation_id,
        .number = ++f->attempt,
        .max = f->max_attempts,
        .wall = clock_wall(a->clock) + a->skew,
    };
    f->credentials_age = a->refresh.age;
    f->sent_at = clock_mono(a->clock);
    f->skew = a->skew;
    if (attempt_open(&t, &in, err))
        return -1;
    int rc = http_client_send(a->http, &t.http, on_http, f, err);
    attempt_close(&t);
    return rc;
}

/* A retry that cannot even be sent ends the call: there is nobody else who would send it. */
void flight_resume(struct flight *f)
{
    struct error err = {0};
    if (send_attempt(f, &err)) {
        err_wrap(&err, "%s %s", aws_service_info(f->request.service)->name, f->request.operation);
        finish(f, NULL, &err);
    }
}

/* Room in the heap is reserved for all flights before the first attempt, so that a retry can always
 * be put there: out of memory would otherwise lose the call without a word. */
int flight_launch(struct aws *a, struct aws_request *request, aws_done_fn done, void *ctx,
                  struct error *err)
{
    struct flight *f = calloc(1, sizeof *f);
    if (!f) {
        aws_request_free(request);
        return err_set(err, ERR_MEMORY, "out of memory for an AWS call");
    }
    f->owner = a;
    f->request = *request;
    *request = (struct aws_request){0};
    f->done = done;
    f->ctx = ctx;
    f->max_attempts = f->request.max_attempts > 0 ? f->request.max_attempts : a->max_attempts;
    memcpy(f->region, a->region, sizeof f->region);
    link_flight(f);
    int rc = aws_request_finish(&f->request, err);
    if (!rc)
        rc = retry_heap_reserve(&a->waiting, a->count, err);
    if (!rc)
        rc = crypto_uuid(f->invocation_id, err);
    if (!rc)
        rc =
            crypto_sha256_hex(buf_str(&f->request.body), f->request.body.len, f->payload_hash, err);
    if (!rc)
        rc = send_attempt(f, err);
    if (rc)
        flight_drop(f);
    return rc;
}
