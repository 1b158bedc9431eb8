/* STS API reference, version 2011-06-15. Roles cannot be assumed here: there is nobody to be. */
#include "server/local/sts/local_sts.h"

#include "server/local/call.h"

#include <string.h>

static const char answer[] =
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
    "<GetCallerIdentityResult>"
    "<Arn>arn:aws:iam::" LOCAL_ACCOUNT ":root</Arn>"
    "<UserId>" LOCAL_ACCOUNT "</UserId>"
    "<Account>" LOCAL_ACCOUNT "</Account>"
    "</GetCallerIdentityResult>"
    "<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId>"
    "</ResponseMetadata></GetCallerIdentityResponse>";

/* Whether a field of the form has just this text; the one that is looked for needs no decoding. */
static bool has_field(const char *form, const char *field)
{
    size_t len = strlen(field);
    while (*form) {
        size_t n = strcspn(form, "&");
        if (n == len && memcmp(form, field, len) == 0)
            return true;
        form += n + (form[n] == '&');
    }
    return false;
}

bool local_sts_handle(struct http_exchange *x)
{
    static const char action[] = "Action=GetCallerIdentity";
    if (http_too_large(x) ||
        (!has_field(http_body(x, NULL), action) && !has_field(http_raw_query(x), action)))
        return false;
    http_reply_const(x, 200, "text/xml", answer, sizeof answer - 1);
    return true;
}
