/* Web identity by the environment, as EKS sets it: a token in a file for a role. */
#include "lib/aws/source.h"

#include "lib/aws/endpoint.h"

/* A role without a token is no web identity: other tools use the variable for themselves. */
enum found source_web_identity(const struct source_input *in, struct credentials *out,
                               struct error *err)
{
    const char *file = aws_getenv(in->options, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = aws_getenv(in->options, "AWS_ROLE_ARN");
    if (!file)
        return NOT_CONFIGURED;
    if (!role) {
        err_set(err, ERR_ARGUMENT, "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not");
        return FAILED;
    }
    const char *session = aws_getenv(in->options, "AWS_ROLE_SESSION_NAME");
    return source_web_identity_role(in, role, session, file, 0, out, err) ? FAILED : FOUND;
}
