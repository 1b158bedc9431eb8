/* asl_path: the inner form of a JSONPath, shared by its parser, its evaluator and filters.
 *
 * A compiled path is immutable; any thread may evaluate it. Semantics follow Jayway's JsonPath,
 * which AWS Step Functions is built on. Private to server/local/asl. */
#ifndef STEPFLEET_LOCAL_ASL_PATH_H
#define STEPFLEET_LOCAL_ASL_PATH_H

#include "server/local/asl/asl_failure.h"

#include <stdint.h>

enum { ASL_PATH_STEPS_MAX = 256, ASL_PATH_UNION_MAX = 256, ASL_PATH_TEXT_MAX = 8192 };

/* Where a path starts. */
enum asl_root {
    ASL_ROOT_INPUT,    /* $ */
    ASL_ROOT_CONTEXT,  /* $$ */
    ASL_ROOT_VARIABLE, /* $name */
    ASL_ROOT_ELEMENT,  /* @, inside a filter */
};

/* The kinds of steps; asl_path_eval.c has one visitor for each. */
enum asl_step_kind {
    ASL_STEP_NAMES,   /* .a ['a'] ['a','b'] */
    ASL_STEP_INDEXES, /* [0] [-1] [0,2] */
    ASL_STEP_SLICE,   /* [1:3] */
    ASL_STEP_ALL,     /* .* [*] */
    ASL_STEP_FILTER,  /* [?(...)] */
    ASL_STEP_LENGTH,  /* .length() */
};

/* One step. `names` is set for NAMES, `indexes` for INDEXES (count of them in `count`), `from` and
 * `to` for SLICE, `filter` for FILTER; all are owned by the path. */
struct asl_step {
    enum asl_step_kind kind;
    bool descend; /* written behind ".." */
    size_t count; /* names or indexes */
    char **names;
    int64_t *indexes;
    int64_t from; /* slice; INT64_MIN and INT64_MAX stand for "not given" */
    int64_t to;
    struct asl_filter *filter;
};

/* A whole path. `text` is the source as written. */
struct asl_path {
    char *text;
    enum asl_root root;
    char *variable; /* its name, for ASL_ROOT_VARIABLE */
    struct asl_step *steps;
    size_t count;
    bool definite;  /* selects at most one value, which stands for itself */
    bool reference; /* names exactly one place */
};

/* A reading position in an expression's text; `depth` counts nesting against ASL_NESTING_MAX. */
struct asl_cursor {
    const char *at;
    unsigned depth;
    bool filter; /* inside [?( )]: names end at operators too, "@" is a root */
    struct error *err;
};

/* Reads the longest path at the cursor and moves behind it. NULL with the cursor's err. */
struct asl_path *asl_path_parse(struct asl_cursor *c);
/* Reads [?( ... )] from behind the "?" to before the "]". NULL with the cursor's err. */
struct asl_filter *asl_filter_parse(struct asl_cursor *c);
struct asl_filter *asl_filter_free(struct asl_filter *filter); /* NULL-safe; returns NULL */

/* Skips white space. */
void asl_skip_space(struct asl_cursor *c);
/* Reads a 'quoted' or "quoted" text from its opening quote on; the quote itself and the backslash
 * may be escaped by a backslash, any other backslash stands for itself. Heap text, or NULL. */
char *asl_parse_quoted(struct asl_cursor *c);
/* Reads an integer with an optional sign. -1 with the cursor's err if there is none. */
int asl_parse_integer(struct asl_cursor *c, int64_t *out);

/* How much of a document one evaluation may visit before it is given up. */
struct asl_effort {
    size_t left;
    bool exhausted; /* the budget, the depth or memory ran out: the result is void */
};

/* The value a path selects, from its root value `doc` (NULL: there is none) and the document that
 * "$" inside filters means. A new reference in *out and true when found; false when not, or when
 * the effort is exhausted. Indefinite paths always find an array. */
bool asl_path_select(const struct asl_path *p, json_t *doc, json_t *document, json_t **out,
                     struct asl_effort *effort);
/* Whether an element passes a filter; `document` is what "$" means. */
bool asl_filter_accepts(const struct asl_filter *filter, json_t *element, json_t *document,
                        struct asl_effort *effort);

/* The borrowed value a path starts from, or NULL: no context object, no such variable. */
json_t *asl_path_root(const struct asl_path *p, const struct asl_scope *scope);
/* An element of an array, negative indexes counted from its end; borrowed, NULL if outside. */
json_t *asl_array_at(const json_t *array, int64_t index);
/* True when the path ends in an index outside an existing array: AWS reads that as null where a
 * template names the path directly. */
bool asl_path_outside_array(const struct asl_path *p, const struct asl_scope *scope);

#endif
