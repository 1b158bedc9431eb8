/* Payload templates: a tree as deep as the source, in which whole parts without expressions are
 * single nodes that give out the source itself. Evaluation costs what the expressions cost. */
#include "server/local/asl/asl_intrinsic.h"
#include "server/local/asl/asl_path.h"

#include <stdlib.h>
#include <string.h>

enum kind {
    KIND_CONSTANT, /* holds no expression anywhere inside */
    KIND_EXPRESSION,
    KIND_OBJECT,
    KIND_ARRAY,
};

/* Members of an object carry their names without ".$"; an expression's node keeps the name as
 * written (`field`) for causes. */
struct asl_template {
    enum kind kind;
    json_t *constant;
    struct asl_expr *expr;
    char *field;
    struct asl_template **kids;
    char **names;
    size_t count;
};

static struct asl_template *compile(json_t *source, unsigned depth, struct error *err);

/* Frees what is below a node and leaves it a leaf. */
static void drop_kids(struct asl_template *t)
{
    for (size_t i = 0; i < t->count; i++) {
        (void)asl_template_free(t->kids[i]);
        free(t->names ? t->names[i] : NULL);
    }
    free(t->kids);
    free(t->names);
    t->kids = NULL;
    t->names = NULL;
    t->count = 0;
}

/* Recursion is bounded: compile refuses deeper sources. */
struct asl_template *asl_template_free(struct asl_template *t)
{
    if (!t)
        return NULL;
    drop_kids(t);
    free(t->field);
    (void)asl_expr_free(t->expr);
    json_decref(t->constant);
    free(t);
    return NULL;
}

/* "name.$"; also ".$" alone, whose member has an empty name. */
static bool is_expression_name(const char *name)
{
    size_t len = strlen(name);
    return len >= 2 && strcmp(name + len - 2, ".$") == 0;
}

/* JSON types as the service's validator spells them. */
static const char *type_word(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an OBJECT";
    case JSON_ARRAY:
        return "an ARRAY";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a NUMBER";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a BOOLEAN";
    case JSON_STRING:
        return "a STRING";
    case JSON_NULL:
        break;
    }
    return "NULL";
}

/* A node with room for `count` members; NULL with err when memory is out. */
static struct asl_template *node_new(enum kind kind, size_t count, struct error *err)
{
    struct asl_template *t = calloc(1, sizeof *t);
    if (t) {
        t->kind = kind;
        t->kids = calloc(count + 1, sizeof(struct asl_template *));
        t->names = kind == KIND_OBJECT ? calloc(count + 1, sizeof(char *)) : NULL;
    }
    if (t && t->kids && (t->names || kind != KIND_OBJECT))
        return t;
    (void)err_set(err, ERR_MEMORY, "out of memory");
    return asl_template_free(t);
}

/* Messages are the service's, ready to stand behind "SCHEMA_VALIDATION_FAILED: ". They do not say
 * what is wrong with the expression, and neither do its own. */
static struct asl_template *compile_expression(const char *name, json_t *value, struct error *err)
{
    struct error why;
    if (!json_is_string(value)) {
        (void)err_set(err, ERR_SYNTAX,
                      "The value for the field '%s' must be a STRING that contains a JSONPath but "
                      "was %s",
                      name, type_word(value));
        return NULL;
    }
    struct asl_template *t = node_new(KIND_EXPRESSION, 0, err);
    if (!t)
        return NULL;
    t->expr = asl_expr_compile(json_string_value(value), &why);
    if (!t->expr) {
        (void)err_set(err, ERR_SYNTAX,
                      "The value for the field '%s' must be a valid JSONPath or a valid intrinsic "
                      "function call",
                      name);
        return asl_template_free(t);
    }
    t->field = strdup(name);
    if (t->field)
        return t;
    (void)err_set(err, ERR_MEMORY, "out of memory");
    return asl_template_free(t);
}

/* Adds one member; `t->count` grows first so that freeing sees whatever was made. */
static int add_member(struct asl_template *t, json_t *object, const char *name, json_t *value,
                      unsigned depth, struct error *err)
{
    bool expression = is_expression_name(name);
    size_t i = t->count++;
    t->names[i] = strndup(name, strlen(name) - (expression ? 2 : 0));
    if (!t->names[i])
        return err_set(err, ERR_MEMORY, "out of memory");
    /* "a" and "a.$" would both become "a". */
    if (expression && json_object_get(object, t->names[i]))
        return err_set(err, ERR_SYNTAX, "The fields '%s' and '%s' must not be used together",
                       t->names[i], name);
    t->kids[i] = expression ? compile_expression(name, value, err) : compile(value, depth, err);
    return t->kids[i] ? 0 : -1;
}

/* The children one level deeper; a half-built node is freed as it stands. */
static struct asl_template *compile_object(json_t *source, unsigned depth, struct error *err)
{
    const char *name;
    json_t *value;
    struct asl_template *t = node_new(KIND_OBJECT, json_object_size(source), err);
    if (!t)
        return NULL;
    json_object_foreach (source, name, value)
        if (add_member(t, source, name, value, depth, err))
            return asl_template_free(t);
    return t;
}

/* The same for elements, which have no names. */
static struct asl_template *compile_array(json_t *source, unsigned depth, struct error *err)
{
    size_t i;
    json_t *value;
    struct asl_template *t = node_new(KIND_ARRAY, json_array_size(source), err);
    if (!t)
        return NULL;
    json_array_foreach (source, i, value) {
        t->kids[i] = compile(value, depth, err);
        if (!t->kids[i])
            return asl_template_free(t);
        t->count++;
    }
    return t;
}

/* A part without expressions is shared as it stands instead of being built at each evaluation. */
static bool is_constant(const struct asl_template *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->kids[i]->kind != KIND_CONSTANT)
            return false;
    return t->kind != KIND_EXPRESSION;
}

/* Depth is bounded, so that freeing and evaluating may recurse. */
static struct asl_template *compile(json_t *source, unsigned depth, struct error *err)
{
    if (depth > ASL_DOCUMENT_DEPTH_MAX) {
        (void)err_set(err, ERR_LIMIT, "The payload template is nested too deeply");
        return NULL;
    }
    struct asl_template *t = json_is_object(source)  ? compile_object(source, depth + 1, err)
                             : json_is_array(source) ? compile_array(source, depth + 1, err)
                                                     : node_new(KIND_CONSTANT, 0, err);
    if (t && is_constant(t)) {
        drop_kids(t);
        t->kind = KIND_CONSTANT;
        t->constant = json_incref(source);
    }
    return t;
}

/* The template shares parts of the source, which therefore must not change. */
struct asl_template *asl_template_compile(json_t *source, struct error *err)
{
    return compile(source, 0, err);
}

/* The context object is searched as a document of its own: "$$.a" is quoted as "$.a", beside that
 * document instead of the input. */
static int fail_missing(const struct asl_template *t, const struct asl_scope *scope,
                        struct asl_failure *f)
{
    const struct asl_path *p = t->expr->path;
    bool context = p->root == ASL_ROOT_CONTEXT;
    char *searched = asl_quote_value(context ? scope->context : scope->input);
    (void)asl_fail_in_state(f, scope, ASL_ERROR_RUNTIME,
                            "The JSONPath '%s' specified for the field '%s' could not be found in "
                            "the input '%s'",
                            context ? p->text + 1 : p->text, t->field, searched ? searched : "");
    free(searched);
    return -1;
}

/* Past the end of an array a path reads null; that is AWS's answer, for templates only. */
static json_t *eval_expression(const struct asl_template *t, const struct asl_scope *scope,
                               struct asl_failure *f)
{
    json_t *value = NULL;
    int found = asl_expr_eval(t->expr, scope, &value, f);
    if (found == 0 && asl_path_outside_array(t->expr->path, scope))
        return json_null();
    if (found == 0)
        (void)fail_missing(t, scope, f);
    return value;
}

/* The object or array of what the kids give; members keep the order of the source. */
static json_t *eval_kids(const struct asl_template *t, const struct asl_scope *scope,
                         struct asl_failure *f)
{
    const bool named = t->kind == KIND_OBJECT;
    json_t *out = named ? json_object() : json_array();
    if (!out)
        (void)asl_fail_memory(f);
    for (size_t i = 0; out && i < t->count; i++) {
        json_t *value = asl_template_eval(t->kids[i], scope, f);
        if (value && (named ? json_object_set_new(out, t->names[i], value)
                            : json_array_append_new(out, value)) == 0)
            continue;
        if (value)
            (void)asl_fail_memory(f);
        json_decref(out);
        out = NULL;
    }
    return out;
}

/* A constant part costs a reference. */
json_t *asl_template_eval(const struct asl_template *t, const struct asl_scope *scope,
                          struct asl_failure *f)
{
    switch (t->kind) {
    case KIND_EXPRESSION:
        return eval_expression(t, scope, f);
    case KIND_OBJECT:
    case KIND_ARRAY:
        return eval_kids(t, scope, f);
    case KIND_CONSTANT:
        break;
    }
    return json_incref(t->constant);
}
