/* sts: building STS calls and reading their answers. Pure functions, any thread. */
#ifndef STEPFLEET_AWS_STS_H
#define STEPFLEET_AWS_STS_H

#include "lib/aws/credentials.h"

/* Who signed a call. Ceilings by IAM's limits of ARNs and ids. */
struct sts_identity {
    char account[16];
    char arn[512];
    char user_id[192];
};
/* GetCallerIdentity: needs no permission, so it tells whether credentials are valid at all. */
int sts_get_caller_identity(struct aws_request *r, struct error *err);
/* -1 with ERR_SYNTAX if a member is missing or too long. */
int sts_caller_identity_read(const struct aws_response *response, struct sts_identity *out,
                             struct error *err);

/* Which role, for whom and how long. */
struct sts_role {
    const char *role_arn;
    const char *session_name;       /* 2 to 64 of [A-Za-z0-9_+=,.@-] */
    const char *external_id;        /* may be NULL; AssumeRole only */
    const char *web_identity_token; /* AssumeRoleWithWebIdentity only */
    int64_t duration_seconds;       /* 0: the service's 3600 */
};
/* AssumeRole, signed by the credentials of the caller. -1 with ERR_ARGUMENT for a session name that
 * STS would refuse. */
int sts_assume_role(struct aws_request *r, const struct sts_role *in, struct error *err);
/* AssumeRoleWithWebIdentity: the token is the proof, the request is not signed. */
int sts_assume_role_with_web_identity(struct aws_request *r, const struct sts_role *in,
                                      struct error *err);
/* The temporary credentials of both; the caller closes them. -1 with ERR_SYNTAX, *out empty. */
int sts_credentials_read(const struct aws_response *response, struct credentials *out,
                         struct error *err);

#endif
