/* Decimal arithmetic in columns, as on paper: at most 38 digits, so speed is no question.
 *
 * A number is 0.d1d2... times a power of ten, without zeros at either end, so that equal numbers
 * have equal forms: comparison, text and key bytes follow from that. */
#include "server/local/dynamodb/ddb_number.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum {
    EXPONENT_MIN = -129, /* 0.1E-129 = 1E-130 */
    EXPONENT_MAX = 126,  /* 0.999E+126 = 9.99E+125 */
    EXPONENT_READ_MAX = 100000,
    TEXT_READ_MAX = 1000, /* bounds the work and every counter below */
};

/* The digits of a text as they are read. */
struct reading {
    struct ddb_number *n;
    size_t zeros; /* zeros since the last other digit: written only if another one follows */
    bool any;     /* a digit was there */
    bool point;
    bool overlong;
};

/* Leading zeros only move the exponent; trailing ones wait in `zeros`, for they are no
 * significant digits. */
static void read_digit(struct reading *r, unsigned char digit)
{
    struct ddb_number *n = r->n;
    r->any = true;
    if (digit == 0 && n->count == 0) {
        n->exponent -= r->point;
        return;
    }
    n->exponent += !r->point;
    if (digit == 0) {
        r->zeros++;
        return;
    }
    if (n->count + r->zeros >= DDB_DIGITS_MAX) {
        r->overlong = true;
        return;
    }
    memset(n->digits + n->count, 0, r->zeros);
    n->count += r->zeros;
    n->digits[n->count++] = digit;
    r->zeros = 0;
}

/* Reads the exponent after an 'e'; NULL if there is none. */
static const char *read_exponent(const char *p, const char *end, int *exponent)
{
    int value = 0;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return NULL;
    for (; p < end && isdigit((unsigned char)*p); p++)
        if (value < EXPONENT_READ_MAX)
            value = value * 10 + (*p - '0');
    *exponent += minus ? -value : value;
    return p;
}

/* The exponent of the form 0.d1d2... is one more than that of d1.d2... */
static int check_range(const struct ddb_number *n, struct ddb_fault *f)
{
    if (n->count > 0 && n->exponent > EXPONENT_MAX)
        return ddb_invalid(f, "Number overflow. Attempting to store a number with magnitude "
                              "larger than supported range");
    if (n->count > 0 && n->exponent < EXPONENT_MIN)
        return ddb_invalid(f, "Number underflow. Attempting to store a number with magnitude "
                              "smaller than supported range");
    return 0;
}

/* In DynamoDB's words. */
static int too_many_digits(struct ddb_fault *f)
{
    return ddb_invalid(f, "Attempting to store more than 38 significant digits in a Number");
}

/* One pass; the length is bounded before, so no counter can overflow. */
int ddb_number_read(const char *text, size_t len, struct ddb_number *n, struct ddb_fault *f)
{
    struct reading r = {.n = n};
    const char *p = text;
    const char *end = text + (len <= TEXT_READ_MAX ? len : 0);
    *n = (struct ddb_number){.negative = p < end && *p == '-'};
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; p < end && (isdigit((unsigned char)*p) || (*p == '.' && !r.point)); p++) {
        if (*p == '.')
            r.point = true;
        else
            read_digit(&r, (unsigned char)(*p - '0'));
    }
    if (r.any && p < end && (*p == 'e' || *p == 'E'))
        p = read_exponent(p + 1, end, &n->exponent);
    if (!r.any || p != end)
        return ddb_invalid(f, "The parameter cannot be converted to a numeric value: %.*s",
                           (int)(len < 100 ? len : 100), text);
    if (r.overlong)
        return too_many_digits(f);
    if (n->count == 0)
        *n = (struct ddb_number){0};
    return check_range(n, f);
}

/* Index i stands for the power exponent - i - 1: negative ones are zeros behind the point,
 * those from `count` on zeros before it. */
size_t ddb_number_write(const struct ddb_number *n, char out[DDB_NUMBER_TEXT_MAX])
{
    char *p = out;
    int count = (int)n->count;
    int from = n->exponent < 0 ? n->exponent : 0; /* index of the first digit behind the point */
    int to = n->exponent > count ? n->exponent : count;
    if (n->negative)
        *p++ = '-';
    if (n->exponent <= 0)
        *p++ = '0';
    for (int i = from; i < to; i++) {
        if (i == (n->exponent <= 0 ? from : n->exponent))
            *p++ = '.';
        *p++ = (char)('0' + (i >= 0 && i < count ? n->digits[i] : 0));
    }
    *p = '\0';
    return (size_t)(p - out);
}

/* Without leading and trailing zeros the exponent decides first, then the digits, then their
 * number. */
static int compare_magnitude(const struct ddb_number *a, const struct ddb_number *b)
{
    if (a->exponent != b->exponent)
        return a->exponent < b->exponent ? -1 : 1;
    size_t common = a->count < b->count ? a->count : b->count;
    int order = memcmp(a->digits, b->digits, common);
    if (order != 0)
        return order;
    return (a->count > b->count) - (a->count < b->count);
}

/* -1, 0 or 1. */
static int sign(const struct ddb_number *n)
{
    if (n->count == 0)
        return 0;
    return n->negative ? -1 : 1;
}

int ddb_number_compare(const struct ddb_number *a, const struct ddb_number *b)
{
    if (sign(a) != sign(b))
        return sign(a) - sign(b);
    return sign(a) * compare_magnitude(a, b);
}

/* Columns of a sum written by hand, the highest power first: one more than EXPONENT_MAX for the
 * carry, down to the last digit of the smallest number. */
enum { COLUMNS = EXPONENT_MAX - EXPONENT_MIN + 1 + DDB_DIGITS_MAX + 1 };

/* Column 0 stands for 10^EXPONENT_MAX. */
static void add_columns(int columns[COLUMNS], const struct ddb_number *n, bool negate)
{
    int *column = columns + (EXPONENT_MAX - n->exponent + 1);
    for (size_t i = 0; i < n->count; i++)
        column[i] += n->negative != negate ? -n->digits[i] : n->digits[i];
}

/* Rounds towards minus infinity, so that the rest is 0..9 for negative columns too. */
static int floor_tenth(int value)
{
    return value >= 0 ? value / 10 : -((9 - value) / 10);
}

/* Carries so that every column but the first is 0..9; the first then tells the sign. */
static void carry(int columns[COLUMNS])
{
    for (size_t i = COLUMNS - 1; i > 0; i--) {
        int over = floor_tenth(columns[i]);
        columns[i] -= over * 10;
        columns[i - 1] += over;
    }
}

/* The columns between the first and the last that are not zero are the result's digits. */
static int collect(const int columns[COLUMNS], bool negative, struct ddb_number *sum,
                   struct ddb_fault *f)
{
    size_t first = 0;
    size_t last = COLUMNS;
    while (first < COLUMNS && columns[first] == 0)
        first++;
    while (last > first && columns[last - 1] == 0)
        last--;
    if (last - first > DDB_DIGITS_MAX)
        return too_many_digits(f);
    *sum = (struct ddb_number){.count = last - first};
    if (sum->count == 0)
        return 0;
    sum->negative = negative;
    sum->exponent = EXPONENT_MAX + 1 - (int)first;
    for (size_t i = 0; i < sum->count; i++)
        sum->digits[i] = (unsigned char)columns[first + i];
    return check_range(sum, f);
}

/* A negative sum shows in column 0; then all columns change their sign and are carried once
 * more. */
static int combine(const struct ddb_number *a, const struct ddb_number *b, bool negate_b,
                   struct ddb_number *sum, struct ddb_fault *f)
{
    int columns[COLUMNS] = {0};
    add_columns(columns, a, false);
    add_columns(columns, b, negate_b);
    carry(columns);
    bool negative = columns[0] < 0;
    if (negative) {
        for (size_t i = 0; i < COLUMNS; i++)
            columns[i] = -columns[i];
        carry(columns);
    }
    return collect(columns, negative, sum, f);
}

int ddb_number_add(const struct ddb_number *a, const struct ddb_number *b, struct ddb_number *sum,
                   struct ddb_fault *f)
{
    return combine(a, b, false, sum, f);
}

int ddb_number_subtract(const struct ddb_number *a, const struct ddb_number *b,
                        struct ddb_number *difference, struct ddb_fault *f)
{
    return combine(a, b, true, difference, f);
}

/* Positive: 3, biased exponent, pairs of digits as 1..100. Negative: the same with every byte
 * turned round and an end mark above them all, for the longer one is then the smaller. */
size_t ddb_number_key(const struct ddb_number *n, unsigned char out[DDB_NUMBER_KEY_MAX])
{
    size_t len = 0;
    if (n->count == 0) {
        out[len++] = 2;
        return len;
    }
    /* Biased, so that the two bytes are unsigned and in numeric order. */
    unsigned biased = (unsigned)(n->exponent + 0x4000);
    out[len++] = 3;
    out[len++] = (unsigned char)(biased >> 8);
    out[len++] = (unsigned char)(biased & 0xff);
    for (size_t i = 0; i < n->count; i += 2) {
        unsigned low = i + 1 < n->count ? n->digits[i + 1] : 0;
        out[len++] = (unsigned char)(n->digits[i] * 10U + low + 1);
    }
    if (!n->negative)
        return len;
    for (size_t i = 1; i < len; i++)
        out[i] = (unsigned char)(0xff - out[i]);
    out[0] = 1;
    out[len++] = 0xff;
    return len;
}
