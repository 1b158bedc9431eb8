/* Sentences name the rule and whose rule it is, because they are all that the user gets to see. */
#include "lib/spec/spec_rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Every character is one of `allowed`. */
static bool only(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

/* Not isalnum: bucket names are ASCII whatever the locale. */
static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Four groups of digits: S3 refuses names that look like an IPv4 address. */
static bool looks_like_address(const char *text)
{
    if (!only(text, DIGITS "."))
        return false;
    int dots = 0;
    for (const char *c = text; *c; c++)
        dots += *c == '.';
    return dots == 3;
}

/* Names of general purpose buckets as new ones must be; older names with capitals are refused. */
const char *spec_rule_bucket(const char *text)
{
    size_t len = strlen(text);
    if (len < 3 || len > 63)
        return "must have 3 to 63 characters (S3 bucket name)";
    if (!only(text, LOWER DIGITS ".-"))
        return "may contain only lower-case letters, digits, '.' and '-' (S3 bucket name)";
    if (!is_lower_or_digit(text[0]) || !is_lower_or_digit(text[len - 1]))
        return "must begin and end with a lower-case letter or a digit (S3 bucket name)";
    if (strstr(text, ".."))
        return "must not contain two periods in a row (S3 bucket name)";
    if (looks_like_address(text))
        return "must not look like an IP address (S3 bucket name)";
    if (strncmp(text, "xn--", 4) == 0)
        return "must not begin with xn-- (S3 bucket name)";
    return NULL;
}

/* The form only: a new region must not need a new version. */
const char *spec_rule_region(const char *text)
{
    size_t len = strlen(text);
    bool good = len >= 6 && len <= 32 && only(text, LOWER DIGITS "-") && strchr(text, '-') &&
                text[0] >= 'a' && text[0] <= 'z' && text[len - 1] >= '0' && text[len - 1] <= '9';
    return good ? NULL : "must be the name of an AWS Region, for example us-east-1";
}

const char *spec_rule_workflow_name(const char *text)
{
    if (!only(text, LOWER UPPER DIGITS "._-"))
        return "may contain only letters, digits, '.', '_' and '-'";
    return NULL;
}

/* 255 bytes at most, as DynamoDB has it. */
const char *spec_rule_table(const char *text)
{
    size_t len = strlen(text);
    if (len < 3 || len > 255 || !only(text, LOWER UPPER DIGITS "_.-"))
        return "must have 3 to 255 letters, digits, '_', '.' and '-' (DynamoDB table name)";
    return NULL;
}

/* A key named like an attribute would be overwritten by it in every update. */
static const char *key_rule(const char *text, const char *const *taken, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, taken[i]) == 0)
            return "must not be the name of an attribute that the workers write to this table";
    return spec_rule_plain(text);
}

const char *spec_rule_summary_key(const char *text)
{
    static const char *const taken[] = {
        "workflow_specs",  "number_of_tasks", "status",        "start_time", "update_time",
        "completed_tasks", "failed_tasks",    "running_tasks", "reason",
    };
    return key_rule(text, taken, COUNT(taken));
}

const char *spec_rule_details_key(const char *text)
{
    static const char *const taken[] = {
        "task_name", "status",          "start_time", "update_time", "exec_time_in_seconds",
        "attempt",   "object_key",      "bytes",      "stop_code",   "stopped_reason",
        "exit_code", "destination_key",
    };
    return key_rule(text, taken, COUNT(taken));
}

const char *spec_rule_ecs_name(const char *text)
{
    if (!only(text, LOWER UPPER DIGITS "_-:/"))
        return "must be an ECS name or ARN: letters, digits, '_', '-', ':' and '/'";
    return NULL;
}

const char *spec_rule_container(const char *text)
{
    if (!only(text, LOWER UPPER DIGITS "_-"))
        return "may contain only letters, digits, '_' and '-' (ECS container name)";
    return NULL;
}

/* `prefix` and at least one letter or digit behind it. */
static bool is_id(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 && text[len] && only(text + len, LOWER DIGITS);
}

const char *spec_rule_subnet(const char *text)
{
    return is_id(text, "subnet-") ? NULL : "is not a subnet id such as subnet-0a1b2c3d";
}

const char *spec_rule_security_group(const char *text)
{
    return is_id(text, "sg-") ? NULL : "is not a security group id such as sg-0123456789abcdef0";
}

const char *spec_rule_plain(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "must not contain control characters";
    return NULL;
}
