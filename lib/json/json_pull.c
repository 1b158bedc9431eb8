/* One pointer goes through the text; all looks ahead are bounded by the end. Failing moves it to
 * the end, so that only the first problem is noted and every loop of a caller ends. */
#include "lib/json/json_pull.h"

#include "lib/base/hex.h"
#include "lib/base/utf8.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void fail(struct json_pull *p, const char *at, const char *problem)
{
    if (!p->problem) {
        p->problem = problem;
        p->problem_at = at;
    }
    p->at = p->end;
}

void jp_init(struct json_pull *p, const char *text, size_t len)
{
    *p = (struct json_pull){.begin = text, .at = text, .end = text + len};
}

static void skip_space(struct json_pull *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

/* Takes the character if it is the next one. */
static bool take(struct json_pull *p, char c)
{
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

/* --- strings --- */

#define BYTES(c) (UINT64_C(0x0101010101010101) * (c))

/* The high bits of those among eight bytes that are no plain characters: controls, quotes,
 * backslashes, bytes beyond ASCII. Taking n from a byte below it borrows its high bit, and then
 * that of bytes above may be wrong: only the lowest one tells. */
static uint64_t specials(uint64_t eight)
{
    const uint64_t quote = eight ^ BYTES('"'), backslash = eight ^ BYTES('\\');
    const uint64_t found = eight | ((eight - BYTES(0x20)) & ~eight) |
                           ((quote - BYTES(1)) & ~quote) | ((backslash - BYTES(1)) & ~backslash);
    return found & BYTES(0x80);
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* Eight bytes at a time, the first of them in the lowest bits. */
static const char *skip_plain(const char *at, const char *end)
{
    uint64_t eight;
    for (; end - at >= (ptrdiff_t)sizeof eight; at += sizeof eight) {
        memcpy(&eight, at, sizeof eight);
        const uint64_t found = specials(le64toh(eight));
        if (found)
            return at + __builtin_ctzll(found) / 8;
    }
    while (at < end && is_plain(*at))
        at++;
    return at;
}

/* The value of four hexadecimal digits, or -1. */
static int32_t hex4(const char *at, const char *end)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = at + i < end ? hex_digit(at[i]) : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The character that an escape at its backslash stands for, and its length; -1: it is none. Half a
 * pair of surrogates stands for nothing. */
static int32_t unescape(const char *at, const char *end, size_t *len)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    *len = 2;
    if (end - at < 2)
        return -1;
    const char *letter = at[1] ? strchr(letters, at[1]) : NULL;
    if (letter)
        return meanings[letter - letters];
    const int32_t code = at[1] == 'u' ? hex4(at + 2, end) : -1;
    *len = 6;
    if (code < 0xd800 || code > 0xdfff)
        return code;
    const bool pair = code < 0xdc00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u';
    const int32_t low = pair ? hex4(at + 8, end) : -1;
    *len = 12;
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* What is not plain: an escape or a character beyond ASCII. */
static void scan_special(struct json_pull *p, struct json_text *out)
{
    size_t len;
    if (*p->at == '\\') {
        const int32_t code = unescape(p->at, p->end, &len);
        if (code < 0) {
            fail(p, p->at, "an escape that is none, or half a pair of surrogates");
            return;
        }
        out->escaped = true;
        out->nul = out->nul || code == 0;
    } else {
        len = utf8_character(p->at, (size_t)(p->end - p->at));
        if (!len) {
            fail(p, p->at,
                 (unsigned char)*p->at < 0x20 ? "a control character in a string"
                                              : "a string that is not UTF-8");
            return;
        }
    }
    p->at += len;
}

/* From the opening quote to behind the closing one. */
static bool scan_string(struct json_pull *p, struct json_text *out)
{
    const char *const quote = p->at++;
    *out = (struct json_text){.raw = p->at};
    for (;;) {
        p->at = skip_plain(p->at, p->end);
        if (p->at == p->end) {
            fail(p, quote, "a string without an end");
            return false;
        }
        if (*p->at == '"')
            break;
        scan_special(p, out);
    }
    out->len = (size_t)(p->at++ - out->raw);
    return true;
}

/* --- numbers and words --- */

static bool skip_digits(struct json_pull *p)
{
    const char *const from = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
    return p->at > from;
}

/* By its grammar alone; *real: it has a fraction or an exponent. */
static bool scan_digits(struct json_pull *p, bool *real)
{
    (void)take(p, '-');
    *real = false;
    if (!take(p, '0') && !skip_digits(p))
        return false;
    if (take(p, '.')) {
        *real = true;
        if (!skip_digits(p))
            return false;
    }
    if (take(p, 'e') || take(p, 'E')) {
        *real = true;
        if (!take(p, '+'))
            (void)take(p, '-');
        if (!skip_digits(p))
            return false;
    }
    return true;
}

/* Integers are of 64 bits, as everywhere here; what a double rounds to 0 is no error. Behind a
 * number stands what ends it also for strtoll and strtod. `out` may be NULL. */
static bool scan_number(struct json_pull *p, double *out)
{
    enum { SAFE_DIGITS = 18 };
    const char *const from = p->at;
    double value = 0;
    bool real;
    if (!scan_digits(p, &real)) {
        fail(p, from, "a number that is not complete");
        return false;
    }
    errno = 0;
    if (real)
        value = strtod(from, NULL);
    else if (out || p->at - from > SAFE_DIGITS)
        value = (double)strtoll(from, NULL, 10);
    if (errno == ERANGE && (!real || fabs(value) > 1)) {
        fail(p, from, "a number that is too large");
        return false;
    }
    if (out)
        *out = value;
    return true;
}

static void scan_word(struct json_pull *p, const char *word)
{
    const size_t len = strlen(word);
    if ((size_t)(p->end - p->at) < len || memcmp(p->at, word, len) != 0)
        fail(p, p->at, "a word that is none of JSON's");
    else
        p->at += len;
}

/* --- structure --- */

enum jp_kind jp_peek(struct json_pull *p)
{
    skip_space(p);
    if (p->at == p->end) {
        fail(p, p->at, "the text ends too early");
        return JP_NONE;
    }
    switch (*p->at) {
    case '{':
        return JP_OBJECT;
    case '[':
        return JP_ARRAY;
    case '"':
        return JP_STRING;
    case 't':
        return JP_TRUE;
    case 'f':
        return JP_FALSE;
    case 'n':
        return JP_NULL;
    default:
        if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9'))
            return JP_NUMBER;
        fail(p, p->at, "no value where one is due");
        return JP_NONE;
    }
}

void jp_enter(struct json_pull *p)
{
    if (p->at == p->end)
        return;
    if (p->depth == JSON_PULL_DEPTH) {
        fail(p, p->at, "nested too deep");
        return;
    }
    const unsigned char bit = (unsigned char)(1U << (p->depth % 8));
    unsigned char *byte = &p->objects[p->depth / 8];
    *byte = (unsigned char)(*p->at == '{' ? *byte | bit : *byte & ~bit);
    p->depth++;
    p->at++;
    p->first = true;
}

/* Whether one more follows in the innermost array or object, which is left otherwise. */
static bool go_on(struct json_pull *p, char closing)
{
    if (p->problem)
        return false;
    skip_space(p);
    if (take(p, closing)) {
        p->depth--;
        p->first = false;
        return false;
    }
    if (!p->first && !take(p, ',')) {
        fail(p, p->at, "no comma or closing bracket where one is due");
        return false;
    }
    p->first = false;
    skip_space(p);
    return true;
}

bool jp_member(struct json_pull *p, struct json_text *name)
{
    if (!go_on(p, '}'))
        return false;
    if (p->at == p->end || *p->at != '"') {
        fail(p, p->at, "no name of a member where one is due");
        return false;
    }
    if (!scan_string(p, name))
        return false;
    skip_space(p);
    if (name->nul)
        fail(p, name->raw, "U+0000 in the name of a member");
    else if (!take(p, ':'))
        fail(p, p->at, "no colon behind the name of a member");
    return !p->problem;
}

bool jp_element(struct json_pull *p)
{
    return go_on(p, ']');
}

/* Within whatever the reader is in. */
static bool next(struct json_pull *p)
{
    const size_t inner = p->depth - 1;
    struct json_text name;
    return p->objects[inner / 8] & (1U << (inner % 8)) ? jp_member(p, &name) : jp_element(p);
}

/* A value, or the beginning of one that has others in it. */
static void step(struct json_pull *p)
{
    struct json_text text;
    switch (jp_peek(p)) {
    case JP_OBJECT:
    case JP_ARRAY:
        jp_enter(p);
        return;
    case JP_STRING:
        (void)scan_string(p, &text);
        break;
    case JP_NUMBER:
        (void)scan_number(p, NULL);
        break;
    case JP_TRUE:
        scan_word(p, "true");
        break;
    case JP_FALSE:
        scan_word(p, "false");
        break;
    case JP_NULL:
        scan_word(p, "null");
        break;
    case JP_NONE:
        break;
    }
}

/* By a loop, however deep it goes. */
void jp_skip(struct json_pull *p)
{
    const size_t floor = p->depth;
    do {
        step(p);
        while (!p->problem && p->depth > floor && !next(p))
            ;
    } while (!p->problem && p->depth > floor);
}

struct json_slice jp_slice(struct json_pull *p)
{
    struct json_slice slice = {0};
    (void)jp_peek(p);
    const char *const from = p->at;
    jp_skip(p);
    if (!p->problem)
        slice = (struct json_slice){.text = from, .len = (size_t)(p->at - from)};
    return slice;
}

bool jp_text(struct json_pull *p, struct json_text *out)
{
    struct json_text text;
    if (jp_peek(p) != JP_STRING) {
        jp_skip(p);
        return false;
    }
    if (!scan_string(p, &text))
        return false;
    *out = text;
    return true;
}

bool jp_number(struct json_pull *p, double *out)
{
    double number;
    if (jp_peek(p) != JP_NUMBER) {
        jp_skip(p);
        return false;
    }
    if (!scan_number(p, &number))
        return false;
    *out = number;
    return true;
}

/* --- ends --- */

void jp_refuse(struct json_pull *p, const char *problem)
{
    fail(p, p->at, problem);
}

/* Columns are characters, counted from 1. */
int jp_check(const struct json_pull *p, struct error *err)
{
    size_t line = 1, column = 1;
    if (!p->problem)
        return 0;
    for (const char *at = p->begin; at < p->problem_at; at++) {
        column += ((unsigned char)*at & 0xc0) != 0x80;
        if (*at == '\n') {
            line++;
            column = 1;
        }
    }
    return err_set(err, ERR_SYNTAX, "line %zu, column %zu: %s", line, column, p->problem);
}

int jp_end(struct json_pull *p, struct error *err)
{
    skip_space(p);
    if (p->at < p->end)
        fail(p, p->at, "more text behind the value");
    return jp_check(p, err);
}

int json_check(const char *text, size_t len, struct error *err)
{
    struct json_pull p;
    jp_init(&p, text, len);
    jp_skip(&p);
    return jp_end(&p, err);
}

/* --- texts --- */

/* The next character that a scanned text stands for, as UTF-8; returns its length. */
static size_t decode(const char **at, const char *end, char out[4])
{
    size_t len;
    if (**at != '\\') {
        out[0] = *(*at)++;
        return 1;
    }
    const int32_t code = unescape(*at, end, &len);
    *at += len;
    return utf8_encode((uint32_t)code, out);
}

bool json_text_means(const struct json_text *t, const char *want, size_t len)
{
    const char *at = t->raw, *const end = t->raw + t->len;
    char out[4];
    while (at < end) {
        const size_t n = decode(&at, end, out);
        if (n > len || memcmp(want, out, n) != 0)
            return false;
        want += n;
        len -= n;
    }
    return len == 0;
}

size_t json_text_copy(const struct json_text *t, char *out)
{
    const char *at = t->raw, *const end = t->raw + t->len;
    char *to = out;
    if (!t->escaped) {
        memcpy(out, t->raw, t->len);
        to += t->len;
        at = end;
    }
    while (at < end) {
        char c[4];
        const size_t n = decode(&at, end, c);
        memcpy(to, c, n);
        to += n;
    }
    *to = '\0';
    return (size_t)(to - out);
}

bool json_text_fit(const struct json_text *t, char *out, size_t size)
{
    if (t->len >= size) {
        out[0] = '\0';
        return false;
    }
    (void)json_text_copy(t, out);
    return true;
}

/* A text has two quotes where its copy has a NUL. Memory that is not written to costs nothing. */
int json_texts_open(struct json_texts *t, size_t document_len, struct error *err)
{
    *t = (struct json_texts){.data = malloc(document_len + 1), .size = document_len + 1};
    return t->data ? 0 : err_set(err, ERR_MEMORY, "out of memory for texts of JSON");
}

const char *json_texts_add(struct json_texts *t, const struct json_text *text)
{
    if (t->size - t->len < text->len + 1)
        return NULL;
    char *copy = t->data + t->len;
    t->len += json_text_copy(text, copy) + 1;
    return copy;
}

void json_texts_reset(struct json_texts *t, size_t len)
{
    t->len = len;
}

void json_texts_free(struct json_texts *t)
{
    free(t->data);
    *t = (struct json_texts){0};
}
