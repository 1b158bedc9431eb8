/* aws: signed, retried calls of AWS services, many in flight from one thread.
 *
 * A struct aws is owned by one thread (aws_wakeup excepted); it owns its HTTP client. Requests are
 * built by the pure functions of the service headers (s3.h, dynamodb.h, sfn.h, ecs.h, sts.h,
 * aws_lambda.h), sent by aws_send or aws_call, and their answers read by the pure functions of the
 * same headers. Nothing here knows whether it talks to AWS or to the local endpoint.
 *
 * Retry: the SDKs' standard mode (3 attempts, full jitter, min(2^i, 20 s), token bucket of 500).
 * Each attempt is signed anew. Clock skew is corrected per client. Credentials are refreshed before
 * they expire, without making calls wait that have valid ones (refresh.h). */
#ifndef STEPFLEET_AWS_H
#define STEPFLEET_AWS_H

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/http_client/http_client.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum aws_service {
    AWS_S3,
    AWS_DYNAMODB,
    AWS_DYNAMODB_STREAMS,
    AWS_SFN,
    AWS_ECS,
    AWS_LAMBDA,
    AWS_STS,
    AWS_SERVICE_COUNT
};

/* How one attempt of a call ended. Texts are borrowed. */
struct aws_attempt {
    const char *service;   /* "DynamoDB" */
    const char *operation; /* "Query" */
    int64_t took;          /* from sending to the answer, us */
    bool throttled;
    bool failed; /* throttled or not: no answer, or one that is an error */
};

/* Where settings come from; NULL members are looked up by the SDK conventions:
 * region: AWS_REGION, AWS_DEFAULT_REGION, the profile's `region`, the instance's metadata;
 * credentials: credentials.h tells the chain; profiles (AWS_PROFILE, AWS_DEFAULT_PROFILE) are in
 * AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE;
 * endpoints: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's `services` and
 * endpoint_url, unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true;
 * AWS_MAX_ATTEMPTS, AWS_RETRY_MODE (all modes are treated like standard), AWS_CA_BUNDLE. */
struct aws_options {
    const char *region;
    const char *endpoint;      /* one URL for all services */
    const char *access_key_id; /* with secret_access_key: explicit credentials */
    const char *secret_access_key;
    const char *session_token;
    int max_attempts;                        /* 0: AWS_MAX_ATTEMPTS or 3 */
    const char *(*getenv)(const char *name); /* NULL: the process environment */
    const struct clock *clock;               /* NULL: the system's */
    const struct log *log;                   /* may be NULL */
    /* Asked while the first credentials are waited for: true gives up. NULL: never. */
    bool (*interrupted)(void);
    /* Told of each attempt that has ended, on the client's thread; must not call the client. NULL:
     * nobody is. */
    void (*observe)(void *ctx, const struct aws_attempt *attempt);
    void *observe_ctx;
};

struct aws;
/* Copies what it needs; getenv, clock and log are kept, and may be used by another thread while
 * credentials are refreshed. With region and keys in options or environment nothing is waited for.
 * NULL with a sentence that names what is missing (ERR_ARGUMENT) or which source of credentials
 * failed, and why. */
struct aws *aws_new(const struct aws_options *options, struct error *err);
/* Drops what is in flight without callbacks; NULL-safe; returns NULL. */
struct aws *aws_free(struct aws *a);
/* The region in use; borrowed from the client. */
const char *aws_region(const struct aws *a);
/* Where its credentials come from: "environment", "profile" ...; a constant. */
const char *aws_credentials_source(const struct aws *a);

enum { AWS_HEADERS_MAX = 16, AWS_OPERATION_MAX = 64 };

/* One request, before signing. Filled by the builders; aws_request_free releases path, query,
 * header values and body. Zero-initialised requests may be freed. */
struct aws_request {
    enum aws_service service;
    char operation[AWS_OPERATION_MAX]; /* "PutItem"; for logs, and X-Amz-Target of JSON services */
    const char *method;
    struct buf path;  /* percent-encoded as on the wire, begins with '/' ; S3: "/bucket/key" */
    struct buf query; /* encoded, without '?' */
    struct {
        char name[48];
        struct buf value;
    } headers[AWS_HEADERS_MAX];
    size_t header_count;
    struct buf body;
    size_t max_reply; /* 0: BUF_MAX_AWS_REPLY */
    long timeout_ms;  /* an attempt; 0: 60 s */
    int max_attempts; /* 0: the client's */
    bool anonymous;   /* sent without a signature */
    /* A success of a JSON service is checked to be JSON and stays text: the response's json is
     * NULL, and the answer is read from its body (dynamodb_page, streams_page). */
    bool as_text;
    /* S3 copy and the like answer 200 with an <Error> body: look for it, and treat it, or a body
     * whose root is not `expect_root`, as a 500 that is retried. NULL: do not look. */
    const char *expect_root;
};

/* Prepares a JSON call: POST /, X-Amz-Target, content type. `body` is taken over (emptied); an
 * empty one becomes "{}". */
int aws_request_json(struct aws_request *r, enum aws_service service, const char *operation,
                     struct buf *body, struct error *err);
/* Adds a header (copied). Too many or too long ones make the request fail when it is sent. */
void aws_request_header(struct aws_request *r, const char *name, const char *value);
/* Releases what the request holds; it may be freed again. */
void aws_request_free(struct aws_request *r);

/* An answer. Zero-initialised responses may be freed. */
struct aws_response {
    int status;
    int attempts;
    char request_id[ERR_REQUEST_ID_MAX];
    struct http_response http; /* headers and body */
    json_t *json;              /* the body of JSON services; NULL if it is none, or as_text */
};
/* Releases headers, body and json; the response may be freed again. */
void aws_response_free(struct aws_response *r);

/* Called once: err NULL and a 2xx answer, or the error: ERR_REMOTE with the service's code in
 * err->remote ("HTTP 404" if it gave none), its HTTP status and request id, and the answer, whose
 * json may hold more (the Item of a failed condition); or ERR_NETWORK, ERR_TIMEOUT ... and NULL.
 * Test err, not response. Both are borrowed for the call. It may send new requests. */
typedef void (*aws_done_fn)(void *ctx, struct aws_response *response, const struct error *err);

/* Takes the request's content over (the struct is emptied, also on failure). -1: refused, `done`
 * will not be called. */
int aws_send(struct aws *a, struct aws_request *request, aws_done_fn done, void *ctx,
             struct error *err);
/* Drives transfers and retry timers; waits at most timeout_ms. Returns calls outstanding (waiting
 * retries included) or -1. */
int aws_poll(struct aws *a, int timeout_ms, struct error *err);
/* Ends the wait of aws_poll. Any thread. */
void aws_wakeup(struct aws *a);
/* Sends and polls until this call is done; takes the request over; `out` is freed by the caller
 * with aws_response_free (also after failure; after ERR_REMOTE it holds the answer). */
int aws_call(struct aws *a, struct aws_request *request, struct aws_response *out,
             struct error *err);

/* True for errors that the retry rules call throttling (by code, by 429/503, and by "Rate
 * exceeded" in the message of other codes). */
bool aws_is_throttle(const struct error *err);

#endif
