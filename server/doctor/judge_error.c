/* What a failed call means, by the service's code; every meaning has its remedy. */
#include "server/doctor/judge.h"

#include "lib/aws/endpoint.h"

#include <stdio.h>
#include <string.h>

enum meaning { DENIED, MISSING, NOT_VALID, ELSEWHERE, THROTTLED, NOT_OFFERED, UNREACHED, UNKNOWN };

/* HEAD answers have no code: the status stands for it. */
static const struct {
    const char *code;
    enum meaning meaning;
} meanings[] = {
    {"AccessDenied", DENIED},
    {"AccessDeniedException", DENIED},
    {"UnauthorizedOperation", DENIED},
    {"AuthorizationError", DENIED},
    {"HTTP 403", DENIED},
    {"AllAccessDisabled", DENIED},
    {"ResourceNotFoundException", MISSING},
    {"StateMachineDoesNotExist", MISSING},
    {"NoSuchBucket", MISSING},
    {"HTTP 404", MISSING},
    {"ClusterNotFoundException", MISSING},
    {"ClientException", MISSING}, /* DescribeTaskDefinition */
    {"UnrecognizedClientException", NOT_VALID},
    {"InvalidClientTokenId", NOT_VALID},
    {"InvalidAccessKeyId", NOT_VALID},
    {"InvalidSignatureException", NOT_VALID},
    {"IncompleteSignature", NOT_VALID},
    {"SignatureDoesNotMatch", NOT_VALID},
    {"AuthFailure", NOT_VALID},
    {"ExpiredToken", NOT_VALID},
    {"ExpiredTokenException", NOT_VALID},
    {"InvalidToken", NOT_VALID},
    {"PermanentRedirect", ELSEWHERE},
    {"AuthorizationHeaderMalformed", ELSEWHERE},
    {"HTTP 301", ELSEWHERE},
    {"UnknownOperationException", NOT_OFFERED},
    {"NotImplemented", NOT_OFFERED},
    {"InvalidAction", NOT_OFFERED},
    {"HTTP 501", NOT_OFFERED},
};

bool judge_unreached(const struct error *err)
{
    return err->code == ERR_NETWORK || err->code == ERR_TIMEOUT;
}

static enum meaning meaning_of(const struct error *err)
{
    if (judge_unreached(err))
        return UNREACHED;
    if (err->code == ERR_REMOTE && aws_is_throttle(err))
        return THROTTLED;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (err_is_remote(err, meanings[i].code))
            return meanings[i].meaning;
    return UNKNOWN;
}

/* "it does not exist in eu-west-1 (account 111122223333)". */
static void say_missing(int i, const struct facts *facts, struct finding *f)
{
    bool known = facts->account[0] != '\0';
    finding_set(f, VERDICT_FAIL, "it does not exist in %s%s%s%s", facts->region,
                known ? " (account " : "", facts->account, known ? ")" : "");
    finding_remedy(f,
                   "make it with make deploy PATTERN=%d; if it is in another region or account, "
                   "set AWS_REGION or take that account's credentials",
                   i + 1);
}

/* Of what only this command asks, a refusal proves nothing bad. */
static void say_denied(const struct probe *p, const struct facts *facts, struct finding *f)
{
    finding_set(f, p->needed ? VERDICT_FAIL : VERDICT_WARN, "%s is not allowed%s", p->action,
                p->needed ? "" : ", so it could not be looked at (a server does without)");
    finding_remedy(f, "allow %s%s%s to %s", p->action, *f->subject ? " on " : "", f->subject,
                   facts->caller[0] ? facts->caller : "the caller");
}

/* In the service's own words, which are all that is known. */
static void say_unknown(const struct error *err, struct finding *f)
{
    finding_set(f, VERDICT_FAIL, "%s", err->message);
    finding_remedy(f, "look the code up in the service's API reference%s%s",
                   err->request_id[0] ? "; for AWS's support it is request " : "", err->request_id);
}

static void say_meaning(const struct probe *p, int i, const struct facts *facts,
                        const struct error *err, struct finding *f)
{
    enum verdict verdict = p->needed ? VERDICT_FAIL : VERDICT_WARN;
    switch (meaning_of(err)) {
    case DENIED:
        say_denied(p, facts, f);
        return;
    case MISSING:
        say_missing(i, facts, f);
        return;
    case NOT_VALID:
        finding_set(f, VERDICT_FAIL, "the credentials are not accepted: %s", err->message);
        finding_remedy(f,
                       "get new ones (aws sts get-caller-identity tells whether they are valid)");
        return;
    case ELSEWHERE:
        finding_set(f, VERDICT_FAIL, "it is in another region than %s", facts->region);
        finding_remedy(f, "set AWS_REGION to the region of the deployment");
        return;
    case THROTTLED:
        finding_set(f, VERDICT_WARN, "%s was throttled", p->action);
        finding_remedy(f, "ask again in a moment");
        return;
    case NOT_OFFERED:
        finding_set(f, verdict, "the endpoint does not offer it: %s", err->message);
        finding_remedy(f, "nothing, if it only plays AWS; else see endpoint %s",
                       aws_service_info(p->service)->name);
        return;
    case UNREACHED:
        finding_set(f, verdict, err->code == ERR_TIMEOUT ? "no answer in time" : "not reached");
        finding_remedy(f, "see endpoint %s; if that is well, ask again",
                       aws_service_info(p->service)->name);
        return;
    case UNKNOWN:
        say_unknown(err, f);
        return;
    }
}

/* Some calls ask for what is not there: to be told so is to be allowed. */
void judge_error(const struct probe *p, int i, const struct facts *facts, const struct error *err,
                 struct finding *f)
{
    if (p->expects && err_is_remote(err, p->expects))
        finding_set(f, VERDICT_OK, "%s is allowed", p->action);
    else
        say_meaning(p, i, facts, err, f);
}
