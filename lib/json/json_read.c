/* Reading: each row of a field table has one reader for its type, which either stores the value at
 * the row's offset or adds a problem and leaves the struct alone. */
#include "lib/json/json_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_problem_add(struct json_problems *p, const char *pointer, const char *fmt, ...)
{
    struct json_problem *list = NULL;
    if (p->count < JSON_PROBLEMS_MAX)
        list = reallocarray(p->list, p->count + 1, sizeof *list);
    if (!list) {
        p->dropped++;
        return;
    }
    p->list = list;
    struct json_problem *problem = &list[p->count++];
    (void)snprintf(problem->pointer, sizeof problem->pointer, "%s", pointer);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(problem->detail, sizeof problem->detail, fmt, args);
    va_end(args);
}

void json_problems_free(struct json_problems *p)
{
    free(p->list);
    *p = (struct json_problems){0};
}

/* What a tree costs, told from its text: at least what jansson allocates on 64 bits for the values
 * and members that these characters stand for, all of it but the letters of texts. */
enum {
    OBJECT_BYTES = 240,
    ARRAY_BYTES = 144,
    STRING_BYTES = 96, /* a name or a value */
    MEMBER_BYTES = 64, /* beside its name and its value */
    PLACE_BYTES = 48,  /* in an array, with the number in it */
};

/* Behind the string whose opening quote is at `at`. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : end;
}

/* What is no JSON may give any number. */
static size_t tree_bytes(const char *text, size_t len)
{
    size_t sum = 0;
    const char *end = text + len;
    for (const char *at = text; at < end;) {
        const char c = *at;
        sum += c == '{'   ? OBJECT_BYTES
               : c == '[' ? ARRAY_BYTES
               : c == '"' ? STRING_BYTES
               : c == ':' ? MEMBER_BYTES
               : c == ',' ? PLACE_BYTES
                          : 0;
        at = c == '"' ? skip_string(at, end) : at + 1;
    }
    return sum;
}

int json_parse(const char *text, size_t len, json_t **out, struct error *err)
{
    json_error_t at;
    *out = NULL;
    if (len > JSON_TREE_MAX / OBJECT_BYTES && tree_bytes(text, len) > JSON_TREE_MAX)
        return err_set(err, ERR_LIMIT,
                       "the JSON has too many values: its objects, arrays and members would take "
                       "more than %d MiB of memory; send it in parts",
                       JSON_TREE_MAX / (1024 * 1024));
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &at);
    if (*out)
        return 0;
    if (json_error_code(&at) == json_error_out_of_memory)
        return err_set(err, ERR_MEMORY, "out of memory while reading JSON");
    return err_set(err, ERR_SYNTAX, "line %d, column %d: %s", at.line, at.column, at.text);
}

/* Appends one character to a pointer if there is room; keeps the NUL. */
static void pointer_add(char out[JSON_POINTER_MAX], size_t *len, char c)
{
    if (*len + 1 >= JSON_POINTER_MAX)
        return;
    out[(*len)++] = c;
    out[*len] = '\0';
}

/* RFC 6901: "~" is written "~0" and "/" is written "~1". */
char *json_pointer_member(char out[JSON_POINTER_MAX], const char *base, const char *name)
{
    if (out != base)
        (void)snprintf(out, JSON_POINTER_MAX, "%s", base);
    size_t len = strlen(out);
    pointer_add(out, &len, '/');
    for (const char *c = name; *c; c++) {
        if (*c == '~' || *c == '/') {
            pointer_add(out, &len, '~');
            pointer_add(out, &len, *c == '~' ? '0' : '1');
        } else {
            pointer_add(out, &len, *c);
        }
    }
    return out;
}

char *json_pointer_index(char out[JSON_POINTER_MAX], const char *base, size_t index)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%zu", index);
    return json_pointer_member(out, base, number);
}

/* With its article, for sentences like "must be a string, not an array". */
static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* A row without limits has both of them 0. */
static bool limited(const struct field *f)
{
    return f->min != 0 || f->max != 0;
}

/* The value is stored by memcpy because the member's address is only known as an offset. */
static void read_string(const struct field *f, json_t *value, const char *pointer, char *slot,
                        struct json_problems *problems)
{
    if (!json_is_string(value)) {
        json_problem_add(problems, pointer, "must be a string, not %s", type_name(value));
        return;
    }
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (strlen(text) != len)
        json_problem_add(problems, pointer, "must not contain the character U+0000");
    else if (limited(f) && (int64_t)len < f->min)
        json_problem_add(problems, pointer,
                         len == 0 ? "must not be empty" : "must have at least %d characters",
                         (int)f->min);
    else if (limited(f) && (int64_t)len > f->max)
        json_problem_add(problems, pointer, "must have at most %d bytes, it has %zu", (int)f->max,
                         len);
    else
        memcpy(slot, &text, sizeof text);
}

static void read_int(const struct field *f, json_t *value, const char *pointer, char *slot,
                     struct json_problems *problems)
{
    if (!json_is_integer(value)) {
        json_problem_add(problems, pointer, "must be an integer, not %s", type_name(value));
        return;
    }
    int64_t number = json_integer_value(value);
    if (limited(f) && (number < f->min || number > f->max))
        json_problem_add(problems, pointer, "must be between %lld and %lld, it is %lld",
                         (long long)f->min, (long long)f->max, (long long)number);
    else
        memcpy(slot, &number, sizeof number);
}

/* Borrows the tree as it is; elements of an array are for the caller to read. */
static void read_tree(const struct field *f, json_t *value, const char *pointer, char *slot,
                      struct json_problems *problems)
{
    if (f->type == FIELD_OBJECT && !json_is_object(value)) {
        json_problem_add(problems, pointer, "must be an object, not %s", type_name(value));
        return;
    }
    if (f->type == FIELD_ARRAY && !json_is_array(value)) {
        json_problem_add(problems, pointer, "must be an array, not %s", type_name(value));
        return;
    }
    if (f->type == FIELD_ARRAY && limited(f)) {
        int64_t size = (int64_t)json_array_size(value);
        if (size < f->min || size > f->max) {
            json_problem_add(problems, pointer, "must have %lld to %lld elements, it has %lld",
                             (long long)f->min, (long long)f->max, (long long)size);
            return;
        }
    }
    memcpy(slot, &value, sizeof value);
}

/* One reader a type; `slot` is the member's address in the caller's struct. */
static void read_one(const struct field *f, json_t *value, const char *pointer, char *slot,
                     struct json_problems *problems)
{
    switch (f->type) {
    case FIELD_STRING:
        read_string(f, value, pointer, slot, problems);
        break;
    case FIELD_INT:
        read_int(f, value, pointer, slot, problems);
        break;
    case FIELD_BOOL:
        if (json_is_boolean(value))
            *(bool *)slot = json_is_true(value);
        else
            json_problem_add(problems, pointer, "must be true or false, not %s", type_name(value));
        break;
    case FIELD_JSON:
    case FIELD_OBJECT:
    case FIELD_ARRAY:
        read_tree(f, value, pointer, slot, problems);
        break;
    }
}

/* Tables have some dozen rows: a walk is fast enough. */
static bool known(const struct field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return false;
}

/* Two walks: the table over the object for values and what is missing, the object over the table
 * for members that nobody asked for. */
size_t json_read_fields(const struct field *fields, size_t count, json_t *object,
                        const char *pointer, bool strict, void *out, struct json_problems *problems)
{
    size_t before = problems->count + problems->dropped;
    char at[JSON_POINTER_MAX];
    if (!json_is_object(object)) {
        json_problem_add(problems, pointer, "must be an object, not %s",
                         object ? type_name(object) : "absent");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(object, fields[i].name);
        json_pointer_member(at, pointer, fields[i].name);
        if (value && !json_is_null(value))
            read_one(&fields[i], value, at, (char *)out + fields[i].offset, problems);
        else if (fields[i].required)
            json_problem_add(problems, at, "is required but missing");
    }
    const char *name;
    json_t *value;
    json_object_foreach (object, name, value)
        if (strict && !known(fields, count, name))
            json_problem_add(problems, json_pointer_member(at, pointer, name),
                             "is not a known attribute: remove it or correct its name");
    return problems->count + problems->dropped - before;
}

const char *json_str(const json_t *object, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : fallback;
}

int64_t json_int(const json_t *object, const char *name, int64_t fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double json_num(const json_t *object, const char *name, double fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool json_bool(const json_t *object, const char *name, bool fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}
