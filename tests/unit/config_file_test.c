/* lib/aws: the parser of config files, and the splitting of command lines. */
#include "lib/aws/config_file.h"
#include "lib/aws/words.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void parse(const char *text, struct config_file *f)
{
    struct error err = {0};
    cr_assert_eq(config_file_parse(text, strlen(text), "F", f, &err), 0, "%s", err.message);
}

Test(config_file, grammar)
{
    struct config_file f;
    parse("\xEF\xBB\xBF# comment\r\n"
          "; another\n"
          "[default]\r\n"
          "Region = eu-west-1  \r\n"
          "output=json # not a comment\n"
          "empty =\n"
          "\n"
          "[ profile a b ] # told here\n"
          "  indented = yes\n"
          "  url = https://h/?a=b\n"
          "s3 =\n"
          "  # in between\n"
          "  endpoint_url = http://s3.test\n"
          "\tother=1\n"
          "command = one\n"
          "   two\n"
          "[default]\n"
          "region = us-east-1",
          &f);
    cr_expect_str_eq(config_file_get(&f, "default", "region", NULL), "us-east-1");
    cr_expect_str_eq(config_file_get(&f, "default", "output", NULL), "json # not a comment");
    cr_expect_null(config_file_get(&f, "default", "empty", NULL));
    cr_expect_str_eq(config_file_get(&f, "profile a b", "indented", NULL), "yes");
    cr_expect_str_eq(config_file_get(&f, "profile a b", "url", NULL), "https://h/?a=b");
    cr_expect_str_eq(config_file_get(&f, "profile a b", "s3", "endpoint_url"), "http://s3.test");
    cr_expect_str_eq(config_file_get(&f, "profile a b", "s3", "other"), "1");
    cr_expect_null(config_file_get(&f, "profile a b", "endpoint_url", NULL));
    cr_expect_str_eq(config_file_get(&f, "profile a b", "command", NULL), "one\ntwo");
    cr_expect(config_file_has(&f, "default"));
    cr_expect(!config_file_has(&f, "profile"));
    config_file_close(&f);
    parse("", &f);
    cr_expect_eq(f.count, 0);
    config_file_close(&f);
}

Test(config_file, says_where_it_is_wrong)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"[a]\nnonsense\n", "F line 2: expected 'name = value'"},
        {"a = b\n", "F line 1: expected a '[section]'"},
        {"[a\n", "F line 1: a section must end with ']'"},
        {"[a] b\n", "F line 1: nothing may follow"},
        {"[a]\n= b\n", "F line 2: expected"},
        {"[a]\ns3 =\n  nonsense\n", "F line 3: expected 'name = value' below"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config_file f;
        struct error err = {0};
        cr_assert_eq(config_file_parse(cases[i].text, strlen(cases[i].text), "F", &f, &err), -1);
        cr_expect_eq(err.code, ERR_SYNTAX);
        cr_expect(strstr(err.message, cases[i].says), "%s", err.message);
        cr_expect_null(f.text);
    }
}

Test(config_file, hostile_files)
{
    struct config_file f;
    struct error err = {0};
    size_t size = CONFIG_FILE_MAX + 1;
    char *text = malloc(size);
    cr_assert_not_null(text);
    memset(text, 'x', size);
    text[0] = '[';
    text[2] = ']';
    text[3] = '\n';
    cr_expect_eq(config_file_parse(text, size, "F", &f, &err), -1);
    cr_expect_eq(err.code, ERR_LIMIT);
    cr_expect_eq(config_file_parse(text, 100 * 1024, "F", &f, &err), -1);
    cr_expect(strstr(err.message, "line 2: the line is too long"), "%s", err.message);
    cr_expect_eq(config_file_parse("[a]\nb = \0c\n", 11, "F", &f, &err), -1);
    cr_expect(strstr(err.message, "NUL"), "%s", err.message);
    for (size_t i = 0; i < size; i++)
        text[i] = "[]\n\n"[i % 4];
    cr_expect_eq(config_file_parse(text, CONFIG_FILE_MAX, "F", &f, &err), -1);
    cr_expect_eq(err.code, ERR_LIMIT);
    free(text);
    cr_expect_eq(config_file_read("/nonexistent/file", &f, &err), 0);
    cr_expect_eq(f.count, 0);
    cr_expect_eq(config_file_read("/", &f, &err), -1);
    cr_expect_eq(err.code, ERR_SYSTEM);
    char *data = NULL;
    size_t len = 0;
    cr_expect_eq(config_slurp("/dev/zero", 1000, &data, &len, &err), -1);
    cr_expect_eq(err.code, ERR_LIMIT);
}

/* Whatever the bytes: an error or a sound table, never a crash. */
Test(config_file, random_bytes)
{
    static const char alphabet[] = "[]=\n\n \t#;ab\"'\r";
    unsigned state = 1;
    for (int round = 0; round < 20000; round++) {
        char text[64];
        struct config_file f;
        struct error err = {0};
        size_t len = (size_t)(round % 64);
        for (size_t i = 0; i < len; i++) {
            state = state * 1103515245u + 12345u;
            text[i] = alphabet[(state >> 16) % (sizeof alphabet - 1)];
        }
        if (config_file_parse(text, len, "F", &f, &err))
            continue;
        for (size_t i = 0; i < f.count; i++)
            cr_assert_lt(strlen(f.entries[i].value), sizeof text);
        config_file_close(&f);
    }
}

Test(words, quoting)
{
    static const struct {
        const char *line;
        const char *words[5];
    } cases[] = {
        {"a", {"a"}},
        {"  /bin/x --y z \n w ", {"/bin/x", "--y", "z", "w"}},
        {"'a b' \"c d\" e\\ f", {"a b", "c d", "e f"}},
        {"a'b'\"c\"d", {"abcd"}},
        {"\"x\\\"y\\\\z\\n\" '\\'", {"x\"y\\z\\n", "\\"}},
        {"a '' \"\"", {"a", "", ""}},
        {"$HOME `x` #y", {"$HOME", "`x`", "#y"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct words w;
        struct error err = {0};
        size_t n = 0;
        cr_assert_eq(words_split(cases[i].line, &w, &err), 0, "%s", err.message);
        for (; cases[i].words[n]; n++)
            cr_expect_str_eq(w.list[n], cases[i].words[n], "case %zu: '%s'", i, w.list[n]);
        cr_expect_eq(w.count, n, "case %zu", i);
        cr_expect_null(w.list[w.count]);
        words_free(&w);
    }
}

Test(words, refuses)
{
    static const char *const bad[] = {"", "  ", "a 'b", "a \"b", "a \\", "\"a\\"};
    struct words w;
    struct error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(words_split(bad[i], &w, &err), -1, "%s", bad[i]);
    char many[2 * WORDS_MAX + 3];
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i % 2 ? ' ' : 'a';
    many[sizeof many - 1] = '\0';
    cr_expect_eq(words_split(many, &w, &err), -1);
    cr_expect_eq(err.code, ERR_LIMIT);
}
