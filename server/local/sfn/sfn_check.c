/* Checks of the members of API calls, in AWS's words where those are recorded. */
#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A required member is not there. */
static bool missing(struct local_call *call, const char *member)
{
    local_fault(call, 400, "ValidationException",
                "1 validation error detected: Value at '%s' failed to satisfy constraint: Member "
                "must not be null",
                member);
    return false;
}

/* arn:PARTITION:states:REGION:ACCOUNT:FAMILY:REST */
static bool is_arn_of(const char *arn, const char *family)
{
    const char *part = arn;
    for (int colons = 0; colons < 5; colons++) {
        part = strchr(part, ':');
        if (!part)
            return false;
        part++;
    }
    size_t len = strlen(family);
    return strncmp(part, family, len) == 0 && part[len] == ':' && part[len + 1] != '\0' &&
           strstr(arn, ":states:") != NULL;
}

/* The prefix first: that is the mistake people make. */
static bool check_arn(struct local_call *call, const char *member, const char *family,
                      const char **arn)
{
    *arn = json_str(call->input, member, NULL);
    if (!*arn)
        return missing(call, member);
    if (strncmp(*arn, "arn:", 4) != 0) {
        local_fault(call, 400, "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: %s'", *arn);
        return false;
    }
    if (!is_arn_of(*arn, family)) {
        local_fault(call, 400, "InvalidArn", "Invalid Arn: '%s'", *arn);
        return false;
    }
    return true;
}

bool check_machine_arn(struct local_call *call, const char *member, const char **arn)
{
    return check_arn(call, member, "stateMachine", arn);
}

bool check_map_run_arn(struct local_call *call, const char **arn)
{
    return check_arn(call, "mapRunArn", "mapRun", arn);
}

bool check_execution_arn(struct local_call *call, const char **arn)
{
    return check_arn(call, "executionArn", "execution", arn);
}

bool check_name(struct local_call *call, const char *name)
{
    size_t len = strlen(name);
    bool fits = len >= 1 && len <= SFN_NAME_MAX;
    for (const unsigned char *c = (const unsigned char *)name; fits && *c; c++) {
        bool control = *c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0);
        fits = !control && !strchr(" <>{}[]?*\"#%\\^|~`$&,;:/", *c);
    }
    if (!fits)
        local_fault(call, 400, "InvalidName", "Invalid Name: '%.200s'", name);
    return fits;
}

bool check_members(struct local_call *call, const char *const *known)
{
    const char *name;
    json_t *value;
    json_object_foreach (call->input, name, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i] && !json_is_null(value)) {
            local_fault(call, 400, "ValidationException",
                        "The member '%.200s' of %s is not offered by this endpoint", name,
                        call->operation);
            return false;
        }
    }
    return true;
}

bool check_page(struct local_call *call, int64_t *limit)
{
    *limit = json_int(call->input, "maxResults", 0);
    if (*limit < 0 || *limit > 1000) {
        local_fault(call, 400, "ValidationException",
                    "1 validation error detected: Value '%lld' at 'maxResults' failed to satisfy "
                    "constraint: Member must have value between 0 and 1000",
                    (long long)*limit);
        return false;
    }
    if (*limit == 0)
        *limit = 100;
    return true;
}

bool check_token(struct local_call *call, int64_t first, int64_t *at)
{
    const char *token = json_str(call->input, "nextToken", NULL);
    char *end = NULL;
    *at = first;
    if (!token)
        return true;
    unsigned long long number = strncmp(token, "page-", 5) == 0 ? strtoull(token + 5, &end, 10) : 0;
    if (end && end != token + 5 && *end == '\0' && number <= INT64_MAX) {
        *at = (int64_t)number;
        return true;
    }
    local_fault(call, 400, "InvalidToken", "Invalid Token: 'Invalid token'");
    return false;
}

json_t *page_token(int64_t at)
{
    char token[SFN_TOKEN_MAX];
    (void)snprintf(token, sizeof token, "page-%lld", (long long)at);
    return json_string(token);
}

json_t *wire_date(int64_t wall)
{
    int64_t milliseconds = wall / CLOCK_MS;
    return json_real((double)milliseconds / 1000.0);
}
