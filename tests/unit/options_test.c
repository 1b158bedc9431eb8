/* lib/options: flag over environment over default, and what is refused. */
#include "lib/options/options.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct option_row rows[] = {
    {"listen", "T_LISTEN", "ADDR:PORT", "127.0.0.1:80", "where", OPTION_TEXT, false, 0, 0},
    {"local", "T_LOCAL", NULL, NULL, "switch", OPTION_SWITCH, false, 0, 0},
    {"count", "T_COUNT", "N", "3", "number", OPTION_INT, false, 1, 9},
    {NULL, "T_SECRET", NULL, NULL, "secret", OPTION_TEXT, true, 0, 0},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static const char *some_env(const char *name)
{
    if (strcmp(name, "T_LISTEN") == 0)
        return "from:1";
    if (strcmp(name, "T_LOCAL") == 0)
        return "yes";
    return strcmp(name, "T_SECRET") == 0 ? "hush" : "";
}

Test(options, flag_beats_environment_beats_default)
{
    const char *argv[] = {"serve", "--count=7", "file", "--listen", "flag:2"};
    struct option_value v[ROWS];
    int operands = 0;
    cr_assert_eq(options_read(rows, ROWS, 5, argv, some_env, v, &operands, NULL), 0);
    cr_assert_str_eq(v[0].text, "flag:2");
    cr_assert_eq(v[0].origin, OPTION_FLAG);
    cr_assert(option_on(&v[1]));
    cr_assert_eq(v[1].origin, OPTION_ENVIRONMENT);
    cr_assert_eq(option_int(&v[2]), 7);
    cr_assert_eq(operands, 2);
    cr_assert_str_eq(argv[1], "file");
}

Test(options, secrets_are_masked)
{
    struct option_value v[ROWS];
    struct buf out;
    int operands;
    buf_init(&out, 4096);
    cr_assert_eq(options_read(rows, ROWS, 0, NULL, some_env, v, &operands, NULL), 0);
    options_show(rows, ROWS, v, &out);
    cr_assert_null(strstr(buf_str(&out), "hush"));
    cr_assert_not_null(strstr(buf_str(&out), "********"));
    buf_free(&out);
}

Test(options, refuses_what_it_cannot_read)
{
    static const struct {
        const char *words[2];
        int count;
        const char *says;
    } bad[] = {
        {{"--nope", NULL}, 1, "unknown option '--nope'"},
        {{"--listen", NULL}, 1, "--listen needs a value"},
        {{"--count", "10"}, 2, "--count (T_COUNT) must be a whole number from 1 to 9"},
        {{"--count=x", NULL}, 1, "must be a whole number"},
        {{"--local=perhaps", NULL}, 1, "is a switch"},
        {{"-x", NULL}, 1, "unknown option '-x'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *argv[] = {bad[i].words[0], bad[i].words[1]};
        struct option_value v[ROWS];
        struct error err = {0};
        int operands;
        cr_assert_eq(options_read(rows, ROWS, bad[i].count, argv, no_env, v, &operands, &err), -1);
        cr_assert_not_null(strstr(err.message, bad[i].says), "%s", err.message);
    }
}

Test(options, addresses)
{
    char host[64];
    uint16_t port;
    cr_assert_eq(options_address("127.0.0.1:0", host, sizeof host, &port, NULL), 0);
    cr_assert_str_eq(host, "127.0.0.1");
    cr_assert_eq(port, 0);
    cr_assert_eq(options_address("[::1]:65535", host, sizeof host, &port, NULL), 0);
    cr_assert_str_eq(host, "::1");
    cr_assert_eq(options_address("localhost:80", host, sizeof host, &port, NULL), 0);
    cr_assert_str_eq(host, "127.0.0.1");
    static const char *const bad[] = {"127.0.0.1", "x:65536", ":80", "x:", "x:-1", "x:1y"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(options_address(bad[i], host, sizeof host, &port, NULL), -1, "%s", bad[i]);
}
