/* Query arguments. Absent ones leave the caller's default; wrong ones are refused by name. */
#include "server/api/query.h"

#include "lib/audit/audit.h"
#include "lib/base/clock.h"
#include "lib/verdict/verdict.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A whole decimal number and nothing behind it. */
int query_int(const struct http_exchange *x, const char *name, int64_t min, int64_t max,
              int64_t *out, struct error *err)
{
    const char *text = http_query(x, name);
    if (!text)
        return 0;
    char *end = NULL;
    bool number = *text == '-' || (*text >= '0' && *text <= '9'); /* strtoll takes blanks and '+' */
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!number || errno || end == text || *end || value < min || value > max)
        return err_set(err, ERR_ARGUMENT, "?%s= must be a whole number from %lld to %lld", name,
                       (long long)min, (long long)max);
    *out = value;
    return 0;
}

int query_time(const struct http_exchange *x, const char *name, int64_t *out, struct error *err)
{
    const char *text = http_query(x, name);
    if (!text)
        return 0;
    if (clock_parse_rfc3339(text, out, err))
        return err_wrap(err, "?%s= (for example 2026-01-31T12:00:00Z)", name);
    return 0;
}

int query_status(const struct http_exchange *x, int *out, struct error *err)
{
    const char *text = http_query(x, "status");
    if (!text)
        return 0;
    for (int s = 0; s < AUDIT_STATUS_COUNT; s++) {
        if (strcasecmp(text, audit_status_name((enum audit_status)s)) == 0) {
            *out = s;
            return 0;
        }
    }
    return err_set(err, ERR_ARGUMENT,
                   "?status= must be Submitted, Running, Completed, Failed or Cancelled");
}

int query_reason(const struct http_exchange *x, const char **out, struct error *err)
{
    enum verdict_class c = VERDICT_NONE;
    const char *text = http_query(x, "reason");
    if (!text)
        return 0;
    if (verdict_parse(text, &c, err))
        return err_wrap(err, "?reason=");
    *out = verdict_name(c);
    return 0;
}

/* Cursors are ids or positions of ours; clients are told to treat them as opaque. */
int query_page(const struct http_exchange *x, int *limit, int64_t *cursor, struct error *err)
{
    int64_t number = QUERY_LIMIT_DEFAULT;
    if (query_int(x, "limit", 1, QUERY_LIMIT_MAX, &number, err) ||
        query_int(x, "cursor", 0, INT64_MAX, cursor, err))
        return -1;
    *limit = (int)number;
    return 0;
}

static bool listed(const char *name, size_t len, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
            return true;
    return false;
}

/* Tells whether an argument of this name is in the rest of a query, which begins at its '&'. */
static bool given_again(const char *rest, const char *name, size_t len)
{
    while (*rest == '&') {
        rest++;
        if (strcspn(rest, "=&") == len && memcmp(rest, name, len) == 0)
            return true;
        rest += strcspn(rest, "&");
    }
    return false;
}

/* Names are compared as they came, still encoded: ours need no encoding. */
int query_only(struct http_exchange *x, const char *const *names, size_t count, struct error *err)
{
    for (const char *at = http_raw_query(x); *at;) {
        size_t len = strcspn(at, "&");
        size_t name_len = strcspn(at, "=&");
        if (name_len > 0 && !listed(at, name_len, names, count))
            return err_set(err, ERR_ARGUMENT,
                           "?%.*s= is not known here: remove it or correct its name",
                           (int)(name_len > 60 ? 60 : name_len), at);
        if (name_len > 0 && given_again(at + len, at, name_len))
            return err_set(err, ERR_ARGUMENT, "?%.*s= is given more than once: give it once",
                           (int)name_len, at);
        at += len;
        at += *at == '&';
    }
    return 0;
}
