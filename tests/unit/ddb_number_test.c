#include "server/local/dynamodb/ddb_number.h"

#include <criterion/criterion.h>
#include <string.h>

#define NINES38 "99999999999999999999999999999999999999"
#define ZEROS38 "00000000000000000000000000000000000000"

static struct ddb_number read_it(const char *text)
{
    struct ddb_number n;
    struct ddb_fault f = {0};
    cr_assert_eq(ddb_number_read(text, strlen(text), &n, &f), 0, "%s: %s", text, f.message);
    return n;
}

Test(ddb_number, one_plain_form)
{
    static const char *const cases[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"0.000", "0"},
        {"0E500", "0"},
        {"1", "1"},
        {"+1", "1"},
        {"1.0", "1"},
        {"001.50", "1.5"},
        {"-12.3400", "-12.34"},
        {".5", "0.5"},
        {"5.", "5"},
        {"1e3", "1000"},
        {"1E+3", "1000"},
        {"15e-4", "0.0015"},
        {"-0.0000001", "-0.0000001"},
        {"100", "100"},
        {"1" ZEROS38, "1" ZEROS38},
        {NINES38, NINES38},
        {"-" NINES38 "00", "-" NINES38 "00"},
        {"1.0" ZEROS38 ZEROS38, "1"},
        {"123456789012345678901234567890.12345678", "123456789012345678901234567890.12345678"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[DDB_NUMBER_TEXT_MAX];
        struct ddb_number n = read_it(cases[i][0]);
        cr_expect_eq(ddb_number_write(&n, text), strlen(cases[i][1]));
        cr_expect_str_eq(text, cases[i][1]);
    }
}

Test(ddb_number, the_ends_of_the_range)
{
    char text[DDB_NUMBER_TEXT_MAX];
    struct ddb_number n = read_it("-1E-130");
    cr_expect_eq(ddb_number_write(&n, text), 133);
    n = read_it("-1.2345678901234567890123456789012345678E-130");
    cr_expect_eq(ddb_number_write(&n, text), 3 + 129 + 38, "the longest text there is");
    n = read_it("9.9999999999999999999999999999999999999E+125");
    cr_expect_eq(ddb_number_write(&n, text), 126);
}

Test(ddb_number, refuses)
{
    static const char *const cases[][2] = {
        {"", "cannot be converted"},
        {"-", "cannot be converted"},
        {".", "cannot be converted"},
        {"abc", "cannot be converted to a numeric value: abc"},
        {"1a", "cannot be converted"},
        {" 1", "cannot be converted"},
        {"1 ", "cannot be converted"},
        {"1.2.3", "cannot be converted"},
        {"1e", "cannot be converted"},
        {"1e+", "cannot be converted"},
        {"e1", "cannot be converted"},
        {"--1", "cannot be converted"},
        {"0x10", "cannot be converted"},
        {"NaN", "cannot be converted"},
        {"Infinity", "cannot be converted"},
        {NINES38 "9", "more than 38 significant digits"},
        {"1." ZEROS38 "1", "more than 38 significant digits"},
        {"1E126", "Number overflow"},
        {"-1E126", "Number overflow"},
        {"1E99999999999999999999", "Number overflow"},
        {"1E-131", "Number underflow"},
        {"1E-99999999999999999999", "Number underflow"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ddb_number n;
        struct ddb_fault f = {0};
        cr_expect_eq(ddb_number_read(cases[i][0], strlen(cases[i][0]), &n, &f), -1, "%s",
                     cases[i][0]);
        cr_expect_str_eq(f.code, "ValidationException");
        cr_expect_not_null(strstr(f.message, cases[i][1]), "%s: %s", cases[i][0], f.message);
    }
}

Test(ddb_number, sums)
{
    static const struct {
        const char *a, *b, *sum, *difference;
    } cases[] = {
        {"0", "0", "0", "0"},
        {"1", "2", "3", "-1"},
        {"-1", "2", "1", "-3"},
        {"0.1", "0.2", "0.3", "-0.1"},
        {"5", "5", "10", "0"},
        {"-5", "-5", "-10", "0"},
        {"999", "1", "1000", "998"},
        {"1000", "-1", "999", "1001"},
        {"1.5", "-1.5", "0", "3"},
        {"100", "0.001", "100.001", "99.999"},
        {"9007199254740993", "1", "9007199254740994", "9007199254740992"},
        {"99999999999999999999999999999999999998", "1", NINES38,
         "99999999999999999999999999999999999997"},
        {NINES38, "1", "1" ZEROS38, "99999999999999999999999999999999999998"},
        {"1E125", "8E125", "9" ZEROS38 ZEROS38 ZEROS38 "00000000000",
         "-7" ZEROS38 ZEROS38 ZEROS38 "00000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ddb_fault f = {0};
        char text[DDB_NUMBER_TEXT_MAX];
        struct ddb_number a = read_it(cases[i].a);
        struct ddb_number b = read_it(cases[i].b);
        struct ddb_number c;
        cr_expect_eq(ddb_number_add(&a, &b, &c, &f), 0, "%s", f.message);
        (void)ddb_number_write(&c, text);
        cr_expect_str_eq(text, cases[i].sum);
        struct ddb_number d;
        cr_expect_eq(ddb_number_add(&b, &a, &d, &f), 0);
        cr_expect_eq(ddb_number_compare(&c, &d), 0, "a + b is b + a");
        cr_expect_eq(ddb_number_subtract(&a, &b, &a, &f), 0, "%s", f.message);
        (void)ddb_number_write(&a, text);
        cr_expect_str_eq(text, cases[i].difference);
    }
}

Test(ddb_number, sums_that_do_not_fit)
{
    static const char *const cases[][3] = {
        {"9E125", "1E125", "Number overflow"}, {"-9E125", "-1E125", "Number overflow"},
        {"1E38", "0.1", "more than 38"},       {NINES38, "0.1", "more than 38"},
        {"1E125", "1E-130", "more than 38"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ddb_fault f = {0};
        struct ddb_number a = read_it(cases[i][0]);
        struct ddb_number b = read_it(cases[i][1]);
        struct ddb_number c;
        cr_expect_eq(ddb_number_add(&a, &b, &c, &f), -1, "%s + %s", cases[i][0], cases[i][1]);
        cr_expect_not_null(strstr(f.message, cases[i][2]), "%s", f.message);
    }
}

/* Rising; every pair is compared both ways, as numbers and as keys. */
static const char *const rising[] = {
    "-9.9E125", "-1E125",  "-1000",   "-999.9", "-100",   "-99",
    "-12.5",    "-12.45",  "-12.4",   "-12",    "-2",     "-1.5",
    "-1.05",    "-1.01",   "-1",      "-0.5",   "-0.11",  "-0.1",
    "-0.01",    "-1E-129", "-1E-130", "0",      "1E-130", "1E-129",
    "0.01",     "0.1",     "0.101",   "0.11",   "0.5",    "1",
    "1.01",     "1.05",    "1.5",     "2",      "9",      "10",
    "12",       "12.4",    "12.45",   "12.5",   "99",     "100",
    "999.9",    "1000",    "1001",    "1E37",   "1E38",   "999999999999999999999999999999999999990",
    "1E125",    "9.9E125",
};

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static int compare_keys(const struct ddb_number *a, const struct ddb_number *b)
{
    unsigned char x[DDB_NUMBER_KEY_MAX];
    unsigned char y[DDB_NUMBER_KEY_MAX];
    size_t x_len = ddb_number_key(a, x);
    size_t y_len = ddb_number_key(b, y);
    int order = memcmp(x, y, x_len < y_len ? x_len : y_len);
    return order ? order : (x_len > y_len) - (x_len < y_len);
}

Test(ddb_number, order_of_numbers_and_keys)
{
    size_t count = sizeof rising / sizeof *rising;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            struct ddb_number a = read_it(rising[i]);
            struct ddb_number b = read_it(rising[j]);
            int wanted = (i > j) - (i < j);
            cr_expect_eq(sign_of(ddb_number_compare(&a, &b)), wanted, "%s %s", rising[i],
                         rising[j]);
            cr_expect_eq(sign_of(compare_keys(&a, &b)), wanted, "keys of %s %s", rising[i],
                         rising[j]);
        }
}
