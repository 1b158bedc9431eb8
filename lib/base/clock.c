/* Times as numbers and texts. The C library's calendar functions depend on locale and zone; only
 * gmtime_r and strftime with numeric fields are used, the rest is computed here. */
#include "lib/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts = {0};
    (void)clock_gettime(id, &ts); /* cannot fail for these two clocks on Linux */
    return (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec / 1000;
}

static int64_t system_wall(const struct clock *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(const struct clock *self)
{
    (void)self;
    return read_clock(CLOCK_MONOTONIC);
}

const struct clock *clock_system(void)
{
    static const struct clock clock = {.wall = system_wall, .mono = system_mono};
    return &clock;
}

int64_t clock_wall(const struct clock *c)
{
    return c->wall(c);
}

int64_t clock_mono(const struct clock *c)
{
    return c->mono(c);
}

/* Splits a wall time into calendar fields and the microseconds of its second. */
static void split(int64_t wall, struct tm *tm, int *us)
{
    int64_t rest = wall % CLOCK_SECOND;
    if (rest < 0)
        rest += CLOCK_SECOND;
    time_t seconds = (time_t)((wall - rest) / CLOCK_SECOND);
    *us = (int)rest;
    if (!gmtime_r(&seconds, tm))
        *tm = (struct tm){.tm_mday = 1, .tm_year = 70};
}

char *clock_rfc3339(int64_t wall, char out[CLOCK_TEXT_MAX])
{
    struct tm tm;
    int us;
    split(wall, &tm, &us);
    size_t n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, CLOCK_TEXT_MAX - n, ".%03dZ", us / 1000);
    return out;
}

char *clock_iso_basic(int64_t wall, char out[CLOCK_TEXT_MAX])
{
    struct tm tm;
    int us;
    split(wall, &tm, &us);
    if (strftime(out, CLOCK_TEXT_MAX, "%Y%m%dT%H%M%SZ", &tm) == 0)
        out[0] = '\0';
    return out;
}

/* Not by strftime: %a and %b would be in the locale's language. Source: RFC 9110, section 5.6.7. */
char *clock_http_date(int64_t wall, char out[CLOCK_TEXT_MAX])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    int us;
    split(wall, &tm, &us);
    (void)snprintf(out, CLOCK_TEXT_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7],
                   tm.tm_mday, months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
    return out;
}

/* Reads `digits` decimal digits; -1 when there are fewer. Moves the cursor on success. */
static int number(const char **at, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *at += digits;
    return value;
}

/* Consumes the character if it is the next one. */
static bool literal(const char **at, char want)
{
    if (**at != want)
        return false;
    (*at)++;
    return true;
}

static bool leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the given date of the proleptic Gregorian calendar. */
static int64_t days_from_epoch(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t y = year - 1;
    int64_t days = y * 365 + y / 4 - y / 100 + y / 400;
    days += before[month - 1] + day - 1 + (month > 2 && leap_year(year) ? 1 : 0);
    return days - 719162;
}

/* The fraction after the seconds in microseconds; digits beyond the sixth are dropped. */
static int fraction(const char **at)
{
    if (!literal(at, '.'))
        return 0;
    int value = 0;
    int digits = 0;
    while (**at >= '0' && **at <= '9') {
        if (digits < 6)
            value = value * 10 + (**at - '0');
        digits++;
        (*at)++;
    }
    if (digits == 0)
        return -1;
    for (; digits < 6; digits++)
        value *= 10;
    return value;
}

/* `Z` or `+hh:mm` in minutes east of Greenwich; false when neither stands there. */
static bool zone(const char **at, int *minutes)
{
    *minutes = 0;
    if (literal(at, 'Z') || literal(at, 'z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (!literal(at, '+') && !literal(at, '-'))
        return false;
    int hours = number(at, 2);
    int rest = literal(at, ':') ? number(at, 2) : -1;
    if (hours < 0 || hours > 23 || rest < 0 || rest > 59)
        return false;
    *minutes = sign * (hours * 60 + rest);
    return true;
}

/* Each field is read only if all before it were there, so a short text ends the chain without being
 * read beyond its NUL. Second 60 (a leap second) becomes the first of the next minute. */
int clock_parse_rfc3339(const char *text, int64_t *wall, struct error *err)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *at = text;
    int year = number(&at, 4);
    int month = year >= 0 && literal(&at, '-') ? number(&at, 2) : -1;
    int day = month >= 0 && literal(&at, '-') ? number(&at, 2) : -1;
    bool parted = day >= 0 && (literal(&at, 'T') || literal(&at, 't'));
    int hour = parted ? number(&at, 2) : -1;
    int minute = hour >= 0 && literal(&at, ':') ? number(&at, 2) : -1;
    int second = minute >= 0 && literal(&at, ':') ? number(&at, 2) : -1;
    int us = second >= 0 ? fraction(&at) : -1;
    int offset = 0;
    bool sound = us >= 0 && zone(&at, &offset) && *at == '\0' && year > 0 && month >= 1 &&
                 month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 60;
    if (sound)
        sound = day <= lengths[month - 1] + (month == 2 && leap_year(year) ? 1 : 0);
    if (!sound)
        return err_set(err, ERR_SYNTAX, "'%.40s' is not an RFC 3339 time", text);
    int64_t minutes = days_from_epoch(year, month, day) * 1440 + hour * 60 + minute - offset;
    *wall = (minutes * 60 + second) * CLOCK_SECOND + us;
    return 0;
}

int clock_parse_http_date(const char *text, int64_t *wall, struct error *err)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    /* "Tue, 02 Jan 2024 03:04:05 GMT" has its fields at fixed places. */
    char iso[CLOCK_TEXT_MAX];
    bool laid_out = strlen(text) == 29 && memcmp(text + 3, ", ", 2) == 0 && text[7] == ' ' &&
                    text[11] == ' ' && memcmp(text + 25, " GMT", 4) == 0;
    const char *month = laid_out ? memmem(months, sizeof months - 1, text + 8, 3) : NULL;
    if (!month || (month - months) % 3 != 0)
        return err_set(err, ERR_SYNTAX, "'%.40s' is not an HTTP date", text);
    (void)snprintf(iso, sizeof iso, "%.4s-%02d-%.2sT%.8sZ", text + 12,
                   (int)(month - months) / 3 + 1, text + 5, text + 17);
    return clock_parse_rfc3339(iso, wall, err);
}
