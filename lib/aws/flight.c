/* A flight goes: launch -> attempt -> (repair or retry -> wait -> attempt)* -> finish. It is in the
 * client's list from launch to finish, and besides in the HTTP client or in the heap, never in
 * both. */
#include "lib/aws/flight.h"

#include "lib/aws/answer.h"
#include "lib/aws/attempt.h"
#include "lib/aws/request.h"
#include "lib/aws/xml.h"

#include <stdlib.h>
#include <string.h>

enum { SKEW_MIN_SECONDS = 240, RETRY_AFTER_MAX_SECONDS = 20 };

static bool is_one_of(const char *code, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, code) == 0)
            return true;
    return false;
}

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

/* When the service's clock and ours are far apart, signatures are refused: believe the service. */
static bool repair_clock(struct flight *f, const struct aws_response *r, const struct error *err)
{
    static const char *const codes[] = {"RequestTimeTooSkewed",
                                        "RequestExpired",
                                        "InvalidSignatureException",
                                        "SignatureDoesNotMatch",
                                        "AuthFailure",
                                        "RequestInTheFuture",
                                        NULL};
    char text[64];
    int64_t theirs = 0;
    if (!is_one_of(err->remote, codes) ||
        !http_response_header(&r->http, "date", text, sizeof text) ||
        clock_parse_http_date(text, &theirs, NULL))
        return false;
    struct aws *a = f->owner;
    int64_t skew = theirs - clock_wall(a->clock);
    if (llabs(skew - f->skew) <= SKEW_MIN_SECONDS * CLOCK_SECOND)
        return false;
    if (llabs(skew - a->skew) > SKEW_MIN_SECONDS * CLOCK_SECOND) {
        a->skew = skew;
        log_warn(a->log, "the clock differs from the service's; signing with the service's time",
                 LOG_INT("skew_seconds", skew / CLOCK_SECOND));
    }
    return true;
}

/* Credentials that were replaced, in their source or already here, since we signed with them. */
static bool repair_credentials(struct flight *f, const struct error *err)
{
    static const char *const codes[] = {"ExpiredToken", "ExpiredTokenException",
                                        "InvalidClientTokenId", "UnrecognizedClientException",
                                        NULL};
    struct aws *a = f->owner;
    struct credentials fresh;
    const struct aws_options source = {.getenv = a->getenv};
    if (a->fixed_credentials || !is_one_of(err->remote, codes))
        return false;
    if (f->credentials_age != a->credentials_age)
        return true;
    if (credentials_fetch(&source, &fresh, NULL))
        return false;
    if (credentials_equal(&fresh, &a->credentials)) {
        credentials_close(&fresh);
        return false;
    }
    credentials_close(&a->credentials);
    a->credentials = fresh;
    a->credentials_age++;
    return true;
}

/* The region an S3 error names: in a header, or in the body of AuthorizationHeaderMalformed. */
static bool named_region(const struct aws_response *r, char out[AWS_REGION_MAX])
{
    struct xml_node root;
    struct buf text;
    out[0] = '\0';
    if (http_response_header(&r->http, "x-amz-bucket-region", out, AWS_REGION_MAX))
        return true;
    buf_init(&text, AWS_REGION_MAX - 1);
    if (xml_root(buf_str(&r->http.body), r->http.body.len, &root, NULL) == 0 &&
        xml_find_text(&root, "Region", &text, NULL) == 0)
        memcpy(out, buf_str(&text), text.len + 1);
    buf_free(&text);
    return out[0] != '\0';
}

/* A bucket that lives in another region than the one we asked. */
static bool repair_region(struct flight *f, const struct aws_response *r)
{
    char region[AWS_REGION_MAX];
    const struct aws_options as_given = {.region = region};
    if (f->request.service != AWS_S3 || f->owner->endpoints.origin[AWS_S3] ||
        (r->status != 301 && r->status != 307 && r->status != 400) || !named_region(r, region) ||
        strcmp(region, f->region) == 0)
        return false;
    return aws_region_find(&as_given, f->region, NULL) == 0;
}

/* Puts right what made the service refuse the call; each only once. True: try again at once. */
static bool repair(struct flight *f, const struct aws_response *r, const struct error *err)
{
    unsigned done = 0;
    if (err->code != ERR_REMOTE)
        return false;
    if (!(f->repaired & REPAIR_CLOCK) && repair_clock(f, r, err))
        done = REPAIR_CLOCK;
    else if (!(f->repaired & REPAIR_CREDENTIALS) && repair_credentials(f, err))
        done = REPAIR_CREDENTIALS;
    else if (!(f->repaired & REPAIR_REGION) && repair_region(f, r))
        done = REPAIR_REGION;
    f->repaired |= done;
    f->max_attempts += done != 0;
    return done != 0;
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
    if (!repair(f, r, err)) {
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
    if (rc == 0) {
        finish(f, &response, NULL);
    } else if (!retry(f, &response, &err)) {
        err_wrap(&err, "%s %s", aws_service_info(f->request.service)->name, f->request.operation);
        finish(f, err.code == ERR_REMOTE ? &response : NULL, &err);
    }
    aws_response_free(&response);
}

/* The request is signed anew for each attempt: a signature is good for minutes only, and
 * credentials, clock or region may have been put right since. */
static int send_attempt(struct flight *f, struct error *err)
{
    struct aws *a = f->owner;
    struct attempt t;
    const struct attempt_input in = {
        .request = &f->request,
        .endpoints = &a->endpoints,
        .credentials = &a->credentials,
        .region = f->region,
        .payload_hash = f->payload_hash,
        .invocation_id = f->invocation_id,
        .number = ++f->attempt,
        .max = f->max_attempts,
        .wall = clock_wall(a->clock) + a->skew,
    };
    f->credentials_age = a->credentials_age;
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
