/* lib/base: errors, buffers, clock, log. */
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/utf8.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(error, carries_code_message_and_context)
{
    struct error err = {0};
    cr_assert_eq(err_set(&err, ERR_NOT_FOUND, "no run %d", 7), -1);
    cr_assert_eq(err_wrap(&err, "reading %s", "runs"), -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
    cr_assert_str_eq(err.message, "reading runs: no run 7");
    cr_assert_eq(err_http_status(err.code), 404);
    cr_assert_str_eq(err_slug(err.code), "not-found");
}

Test(error, names_errno)
{
    struct error err = {0};
    errno = ENOENT;
    cr_assert_eq(err_set_errno(&err, "opening %s", "x"), -1);
    cr_assert_str_eq(err.message, "opening x: No such file or directory");
}

Test(error, long_messages_are_cut_not_overrun)
{
    struct error err = {0};
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_SYSTEM, "%s", text);
    for (int i = 0; i < 10; i++)
        err_wrap(&err, "%.200s", text);
    cr_assert_eq(strlen(err.message), (size_t)ERR_MESSAGE_MAX - 1);
}

Test(buf, ceiling_is_sticky_and_told)
{
    struct buf b;
    struct error err = {0};
    buf_init(&b, 8);
    buf_adds(&b, "12345678");
    cr_assert_eq(buf_check(&b, &err), 0);
    buf_addc(&b, '9');
    buf_reset(&b);
    buf_addf(&b, "%s", "123456789");
    cr_assert_eq(buf_check(&b, &err), -1);
    cr_assert_eq(err.code, ERR_LIMIT);
    cr_assert_null(buf_take(&b, NULL));
    buf_free(&b);
}

Test(buf, take_hands_over_and_empties)
{
    struct buf b;
    size_t len = 0;
    buf_init(&b, 100);
    char *empty = buf_take(&b, &len);
    cr_assert_str_eq(empty, "");
    buf_adds(&b, "abc");
    char *text = buf_take(&b, &len);
    cr_assert_str_eq(text, "abc");
    cr_assert_eq(len, 3);
    cr_assert_eq(b.len, 0);
    free(empty);
    free(text);
}

Test(clock, writes_the_three_forms)
{
    char out[CLOCK_TEXT_MAX];
    int64_t wall = INT64_C(1440938160123456);
    cr_assert_str_eq(clock_rfc3339(wall, out), "2015-08-30T12:36:00.123Z");
    cr_assert_str_eq(clock_iso_basic(wall, out), "20150830T123600Z");
    cr_assert_str_eq(clock_http_date(wall, out), "Sun, 30 Aug 2015 12:36:00 GMT");
}

Test(clock, reads_rfc3339)
{
    static const struct {
        const char *text;
        int64_t wall;
    } good[] = {
        {"2015-08-30T12:36:00.123Z", INT64_C(1440938160123000)},
        {"2015-08-30T14:36:00+02:00", INT64_C(1440938160000000)},
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T23:59:59.999999999Z", INT64_C(951868799999999)},
        {"2100-03-01T00:00:00Z", INT64_C(4107542400000000)},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t wall = -1;
        cr_assert_eq(clock_parse_rfc3339(good[i].text, &wall, NULL), 0, "%s", good[i].text);
        cr_assert_eq(wall, good[i].wall, "%s", good[i].text);
    }
    static const char *const bad[] = {"",
                                      "2015-08-30",
                                      "2015-08-30T12:36:00",
                                      "2015-02-29T00:00:00Z",
                                      "2015-13-01T00:00:00Z",
                                      "2015-08-30T24:00:00Z",
                                      "2015-08-30T12:36:00.Z",
                                      "2015-08-30T12:36:00Zx"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t wall;
        cr_assert_eq(clock_parse_rfc3339(bad[i], &wall, NULL), -1, "%s", bad[i]);
    }
}

static int64_t fixed_wall(const struct clock *self)
{
    (void)self;
    return INT64_C(1440938160123456);
}

Test(log, writes_one_json_object_a_line)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    const struct clock clock = {.wall = fixed_wall, .mono = fixed_wall};
    struct log lg;
    log_open(&lg, ends[1], LOG_INFO, "t");
    lg.clock = &clock;
    log_debug(&lg, "not written", LOG_INT("run_id", 1));
    log_info(&lg, "said \"so\"", LOG_INT("run_id", 7), LOG_STR("name", "a\nb"));
    char line[512] = "";
    ssize_t n = read(ends[0], line, sizeof line - 1);
    cr_assert_gt(n, 0);
    cr_assert_str_eq(line,
                     "{\"time\":\"2015-08-30T12:36:00.123Z\",\"level\":\"info\",\"program\":"
                     "\"t\",\"msg\":\"said \\\"so\\\"\",\"run_id\":7,\"name\":\"a\\u000ab\"}\n");
}

Test(clock, reads_http_dates)
{
    static const char *const bad[] = {
        "", "Tue, 02 Jan 2024 03:04:05", "Tue, 02 anF 2024 03:04:05 GMT",
        "Tue, 42 Jan 2024 03:04:05 GMT", "2024-01-02T03:04:05Z         "};
    int64_t wall = 0;
    char text[CLOCK_TEXT_MAX];
    cr_assert_eq(clock_parse_http_date("Tue, 02 Jan 2024 03:04:05 GMT", &wall, NULL), 0);
    cr_assert_str_eq(clock_http_date(wall, text), "Tue, 02 Jan 2024 03:04:05 GMT");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(clock_parse_http_date(bad[i], &wall, NULL), -1, "%s", bad[i]);
}

/* One, two, three and four bytes: wherever the cut is, whole characters are left. */
Test(utf8, cuts_between_characters)
{
    static const char text[] = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xa2";
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t max = 0; max < sizeof whole / sizeof whole[0]; max++) {
        char cut[16];
        cr_expect_eq(utf8_fit(text, max), whole[max], "at most %zu bytes", max);
        (void)snprintf(cut, sizeof cut, "%.*s", (int)max, text);
        utf8_mend(cut);
        cr_expect_eq(strlen(cut), whole[max], "cut at %zu bytes", max);
    }
}

Test(error, cuts_a_long_message_between_characters)
{
    struct error err;
    struct buf text;
    buf_init(&text, 4096);
    for (int i = 0; i < 600; i++)
        buf_adds(&text, "\xc3\xa9");
    err_set(&err, ERR_SYNTAX, "%s", buf_str(&text));
    cr_expect_eq(strlen(err.message), ERR_MESSAGE_MAX - 2);
    err_set(&err, ERR_SYNTAX, "x%s", buf_str(&text));
    err_wrap(&err, "y");
    cr_expect_eq(strlen(err.message), ERR_MESSAGE_MAX - 2);
    buf_free(&text);
}
