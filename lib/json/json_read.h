/* json_read: parsing with good errors, and reading objects through field tables.
 *
 * Values are jansson's json_t. A table of struct field says what an object may hold and where it
 * goes in a C struct; every problem found is reported with its JSON Pointer, all of them at once.
 * Pure functions; a json_t may be shared between threads as long as nobody changes it. */
#ifndef STEPFLEET_JSON_READ_H
#define STEPFLEET_JSON_READ_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_POINTER_MAX = 512,
    JSON_DETAIL_MAX = 320,
    JSON_PROBLEMS_MAX = 200,
    JSON_DEPTH_MAX = JSON_PARSER_MAX_DEPTH, /* of what is read, and so of what is written */
    JSON_TREE_MAX = 64 * 1024 * 1024, /* memory of a tree, without the letters of its texts: 10,000
                                         tasks of a spec are 12 MB by the same count */
};

/* Something wrong with one place of a document. */
struct json_problem {
    char pointer[JSON_POINTER_MAX]; /* RFC 6901, "" is the whole document */
    char detail[JSON_DETAIL_MAX];   /* reason and remedy, one sentence */
};

/* A list of problems; keeps the first JSON_PROBLEMS_MAX and counts the rest. Zero-initialise it;
 * json_problems_free releases it. */
struct json_problems {
    struct json_problem *list;
    size_t count;   /* problems in list */
    size_t dropped; /* problems seen beyond the list's ceiling */
};

/* Adds a problem with a printf-style detail. Beyond the list's ceiling, or when memory is out, it
 * is only counted. */
void json_problem_add(struct json_problems *p, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The list is empty afterwards and may be filled again. */
void json_problems_free(struct json_problems *p);
static inline bool json_problems_any(const struct json_problems *p)
{
    return p->count + p->dropped > 0;
}

/* Parses UTF-8 text (strict JSON, no duplicate members, NUL inside strings allowed). A new
 * reference in *out. -1 with ERR_SYNTAX: "line 3, column 14: ...", ERR_MEMORY, or with ERR_LIMIT
 * when there are so many values that the tree would take more than JSON_TREE_MAX; *out is NULL. */
int json_parse(const char *text, size_t len, json_t **out, struct error *err);

/* Writes `base` + "/" + escaped(name) into out (cut at JSON_POINTER_MAX); returns out. */
char *json_pointer_member(char out[JSON_POINTER_MAX], const char *base, const char *name);
/* The same for an element of an array: `base` + "/" + index. `base` may be `out` in both. */
char *json_pointer_index(char out[JSON_POINTER_MAX], const char *base, size_t index);

enum field_type {
    FIELD_STRING, /* const char *, borrowed from the json_t; no NUL inside; min..max is its length
                   */
    FIELD_INT,    /* int64_t, min..max is its range */
    FIELD_BOOL,   /* bool */
    FIELD_JSON,   /* json_t *, borrowed, any type */
    FIELD_OBJECT, /* json_t *, borrowed, must be an object */
    FIELD_ARRAY,  /* json_t *, borrowed, must be an array; min..max is its length */
};

/* A row of a field table. Example:
 *
 *     static const struct field fields[] = {
 *         {"name", FIELD_STRING, true, offsetof(struct thing, name), 1, 255},
 *         {"size", FIELD_INT, false, offsetof(struct thing, size), 0, 1000},
 *     };
 *     json_read_fields(fields, 2, object, "/thing", true, &thing, &problems); */
struct field {
    const char *name;
    enum field_type type;
    bool required;
    size_t offset; /* offsetof(struct, member) */
    int64_t min;
    int64_t max; /* 0 with min 0: no limits */
};

/* Reads the members of `object` into *out by the table; absent optional members leave *out as it
 * is; a JSON null counts as absent. With `strict`, members that no row names are problems. Adds to
 * `problems` and returns the number of problems added (0 is success). */
size_t json_read_fields(const struct field *fields, size_t count, json_t *object,
                        const char *pointer, bool strict, void *out,
                        struct json_problems *problems);

/* Plain look-ups for answers of services: the member's value, or the fallback when it is absent
 * or of another type. `object` may be NULL. Strings are borrowed. */
const char *json_str(const json_t *object, const char *name, const char *fallback);
/* A real is of another type here, even 3.0. */
int64_t json_int(const json_t *object, const char *name, int64_t fallback);
/* Integers and reals. */
double json_num(const json_t *object, const char *name, double fallback);
/* true and false only; nothing else counts as true. */
bool json_bool(const json_t *object, const char *name, bool fallback);

/* Compact text appended to `out`: members in insertion order, reals in the fewest digits. A tree
 * deeper than JSON_DEPTH_MAX, whose text nobody could read, leaves `out` failed. */
void json_dump(struct buf *out, const json_t *value);

#endif
