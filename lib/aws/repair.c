/* What is put right is put right for the client: other calls that were refused for the same reason
 * find it done. */
#include "lib/aws/repair.h"

#include "lib/aws/xml.h"

#include <stdlib.h>
#include <string.h>

enum { SKEW_MIN_SECONDS = 240 };

static bool is_one_of(const char *code, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, code) == 0)
            return true;
    return false;
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
        refresh_clock_set(&a->refresh, theirs);
        log_warn(a->log, "the clock differs from the service's; signing with the service's time",
                 LOG_INT("skew_seconds", skew / CLOCK_SECOND));
    }
    return true;
}

/* A HEAD's answer has no body that could name the code: S3 says 400 to an expired token. */
static bool refuses_credentials(const struct flight *f, const struct error *err)
{
    static const char *const codes[] = {"ExpiredToken",
                                        "ExpiredTokenException",
                                        "InvalidAccessKeyId",
                                        "InvalidClientTokenId",
                                        "InvalidToken",
                                        "UnrecognizedClientException",
                                        NULL};
    return is_one_of(err->remote, codes) ||
           (strcmp(f->request.method, "HEAD") == 0 && err_is_remote(err, "HTTP 400"));
}

/* Credentials that were replaced, in their source or already here, since we signed with them. */
static bool repair_credentials(struct flight *f, const struct error *err)
{
    struct aws *a = f->owner;
    if (!refuses_credentials(f, err))
        return false;
    return f->credentials_age != a->refresh.age ||
           refresh_force(&a->refresh, clock_wall(a->clock) + a->skew);
}

/* The region an S3 error names: in a header, or in the body of AuthorizationHeaderMalformed. */
static bool named_region(const struct aws_response *r, char out[AWS_REGION_MAX])
{
    struct xml_node root;
    struct buf text;
    out[0] = '\0';
    if (http_response_header(&r->http, "x-amz-bucket-region", out, AWS_REGION_MAX))
        return out[0] != '\0';
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

bool repair_flight(struct flight *f, const struct aws_response *r, const struct error *err)
{
    unsigned done = 0;
    if (err->code != ERR_REMOTE)
        return false;
    if (!(f->repaired & REPAIR_CLOCK) && repair_clock(f, r, err))
        done = REPAIR_CLOCK;
    else if (!(f->repaired & REPAIR_REGION) && repair_region(f, r))
        done = REPAIR_REGION; /* before credentials: it says why a HEAD got its 400 */
    else if (!(f->repaired & REPAIR_CREDENTIALS) && repair_credentials(f, err))
        done = REPAIR_CREDENTIALS;
    f->repaired |= done;
    f->max_attempts += done != 0;
    return done != 0;
}
