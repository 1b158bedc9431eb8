/* How the rooms of the control loop judge an error: may the call be tried again, and does it say
 * that AWS is out of reach? */
#include "server/loop/loop.h"

#include <stddef.h>

int64_t loop_now(const struct loop *l)
{
    return clock_mono(l->clock);
}

int64_t loop_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Codes whose HTTP status (400 or 403) does not tell what they mean for a retry. */
static const struct {
    const char *remote;
    enum loop_fault fault;
} codes[] = {
    {"AccessDenied", LOOP_DENIED},
    {"AccessDeniedException", LOOP_DENIED},
    {"KmsAccessDeniedException", LOOP_DENIED},
    {"UnauthorizedOperation", LOOP_DENIED},
    {"NotAuthorized", LOOP_DENIED},
    /* Credentials that expired or are wrong are renewed or mended by a person. */
    {"ExpiredToken", LOOP_PASSING},
    {"ExpiredTokenException", LOOP_PASSING},
    {"IncompleteSignature", LOOP_PASSING},
    {"InvalidAccessKeyId", LOOP_PASSING},
    {"InvalidClientTokenId", LOOP_PASSING},
    {"InvalidSignatureException", LOOP_PASSING},
    {"InvalidToken", LOOP_PASSING},
    {"MissingAuthenticationToken", LOOP_PASSING},
    {"MissingAuthenticationTokenException", LOOP_PASSING},
    {"OptInRequired", LOOP_PASSING},
    {"RequestExpired", LOOP_PASSING},
    {"RequestTimeTooSkewed", LOOP_PASSING},
    {"SignatureDoesNotMatch", LOOP_PASSING},
    {"UnrecognizedClientException", LOOP_PASSING},
    /* Ceilings that other executions free again; no SDK retries the first by itself. */
    {"ExecutionLimitExceeded", LOOP_PASSING},
    {"KmsThrottlingException", LOOP_PASSING},
    {"RequestLimitExceeded", LOOP_PASSING},
    /* S3's, for an upload that stalled or met another one. */
    {"OperationAborted", LOOP_PASSING},
    {"RequestTimeout", LOOP_PASSING},
};

/* Our own refusals to send are final. What is neither known nor a 5xx was understood and refused.
 */
enum loop_fault loop_fault(const struct error *err)
{
    if (err->code == ERR_LIMIT || err->code == ERR_ARGUMENT || err->code == ERR_SPEC_INVALID)
        return LOOP_FINAL;
    if (err->code != ERR_REMOTE)
        return LOOP_PASSING;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (err_is_remote(err, codes[i].remote))
            return codes[i].fault;
    if (aws_is_throttle(err) || err->http_status >= 500 || err->http_status == 429)
        return LOOP_PASSING;
    return err->http_status == 403 ? LOOP_DENIED : LOOP_FINAL;
}

/* A refusal proves that AWS is reached, as well as an answer does. */
void loop_note(const struct loop *l, const struct error *err)
{
    if (!l->health)
        return;
    int64_t now = loop_now(l);
    if (!err || loop_fault(err) == LOOP_FINAL)
        atomic_store(&l->health->aws_ok_at, now);
    else
        atomic_store(&l->health->aws_fail_at, now);
}
