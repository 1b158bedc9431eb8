/* Reading members of a definition. Each function says what is wrong with its member, with its
 * place, and answers something harmless, so that the rest is looked at too. */
#include "server/local/sfn/machine_parse.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_MAX = 1024 };

void place_problem(const struct place *at, const char *field, const char *fmt, ...)
{
    char detail[DETAIL_MAX];
    char location[JSON_POINTER_MAX * 2];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    if (field)
        (void)snprintf(location, sizeof location, "%s/%s", at->at, field);
    else
        (void)snprintf(location, sizeof location, "%s", at->at[0] ? at->at : "/");
    machine_problem_add(at->parser->problems, PROBLEM_SCHEMA, location, "%s", detail);
}

void place_enter(const struct place *at, const char *field, json_t *object, struct place *out)
{
    out->parser = at->parser;
    out->object = object;
    out->names = at->names;
    (void)snprintf(out->at, sizeof out->at, "%s/%s", at->at, field);
}

void *place_memory(const struct place *at, void *p)
{
    if (!p)
        at->parser->no_memory = true;
    return p;
}

/* A member that must be there is missed by its name. */
static json_t *parse_member(const struct place *at, const char *field, bool required)
{
    json_t *value = json_object_get(at->object, field);
    if (!value && required)
        place_problem(at, NULL, "These fields are required: [%s]", field);
    return value;
}

const char *parse_text(const struct place *at, const char *field, bool required)
{
    json_t *value = parse_member(at, field, required);
    if (value && !json_is_string(value))
        place_problem(at, field, "Expected value of type String");
    return json_string_value(value);
}

json_t *parse_object(const struct place *at, const char *field, bool required)
{
    json_t *value = parse_member(at, field, required);
    if (!value || json_is_object(value))
        return value;
    place_problem(at, field, "Expected value of type Object");
    return NULL;
}

json_t *parse_array(const struct place *at, const char *field, bool required)
{
    json_t *value = parse_member(at, field, required);
    if (!value || json_is_array(value))
        return value;
    place_problem(at, field, "Expected value of type Array");
    return NULL;
}

int64_t parse_int(const struct place *at, const char *field, int64_t min, int64_t max,
                  int64_t fallback)
{
    json_t *value = json_object_get(at->object, field);
    if (!value)
        return fallback;
    int64_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= min && number <= max)
        return number;
    place_problem(at, field, "Expected value of type Integer between %lld and %lld", (long long)min,
                  (long long)max);
    return fallback;
}

double parse_real(const struct place *at, const char *field, double min, double max,
                  double fallback)
{
    json_t *value = json_object_get(at->object, field);
    if (!value)
        return fallback;
    double number = json_number_value(value);
    if (json_is_number(value) && number >= min && number <= max)
        return number;
    place_problem(at, field, "Expected value of type Number between %g and %g", min, max);
    return fallback;
}

bool parse_bool(const struct place *at, const char *field, bool fallback)
{
    json_t *value = json_object_get(at->object, field);
    if (!value)
        return fallback;
    if (!json_is_boolean(value))
        place_problem(at, field, "Expected value of type Boolean");
    return json_is_true(value);
}

struct asl_path *parse_path(const struct place *at, const char *field)
{
    struct error err = {0};
    const char *text = parse_text(at, field, false);
    if (!text)
        return NULL;
    struct asl_path *path = asl_path_compile(text, &err);
    if (!path)
        place_problem(at, field, "Value is not a Reference Path: %s", err.message);
    return path;
}

struct asl_template *parse_template(const struct place *at, const char *field)
{
    struct error err = {0};
    json_t *source = json_object_get(at->object, field);
    if (!source)
        return NULL;
    struct asl_template *template = asl_template_compile(source, &err);
    if (!template)
        place_problem(at, field, "%s", err.message);
    return template;
}

struct asl_expr *parse_expr(const struct place *at, const char *field)
{
    struct error err = {0};
    const char *text = parse_text(at, field, false);
    if (!text)
        return NULL;
    struct asl_expr *expr = asl_expr_compile(text, &err);
    if (!expr)
        place_problem(at, field, "%s", err.message);
    return expr;
}

struct machine_path parse_io_path(const struct place *at, const char *field)
{
    struct machine_path path = {0};
    json_t *value = json_object_get(at->object, field);
    if (json_is_null(value))
        path.discard = true;
    else if (value && !(json_is_string(value) && strcmp(json_string_value(value), "$") == 0))
        path.path = parse_path(at, field);
    return path;
}

struct machine_number parse_number(const struct place *at, const char *field, double min,
                                   double max, bool whole)
{
    struct machine_number number = {0};
    char with_path[64];
    (void)snprintf(with_path, sizeof with_path, "%sPath", field);
    number.given = json_object_get(at->object, field) != NULL;
    if (number.given)
        number.literal = whole ? (double)parse_int(at, field, (int64_t)min, (int64_t)max, 0)
                               : parse_real(at, field, min, max, 0);
    if (!json_object_get(at->object, with_path))
        return number;
    if (number.given)
        place_problem(at, NULL, "Only one of the following fields is allowed: [%s, %s]", field,
                      with_path);
    number.given = true;
    number.path = parse_path(at, with_path);
    return number;
}

const struct machine_state *parse_target(const struct place *at, const char *field, bool required)
{
    const char *name = parse_text(at, field, required);
    if (!name)
        return NULL;
    json_t *index = json_object_get(at->names, name);
    if (index)
        return at->parser->machine->states[json_integer_value(index)];
    char location[JSON_POINTER_MAX * 2];
    (void)snprintf(location, sizeof location, "%s/%s", at->at, field);
    machine_problem_add(at->parser->problems, PROBLEM_TARGET, location, "Missing '%s' target: %s",
                        field, name);
    return NULL;
}

void parse_query_language(const struct place *at)
{
    const char *language = parse_text(at, "QueryLanguage", false);
    if (!language || strcmp(language, "JSONPath") == 0)
        return;
    if (strcmp(language, "JSONata") == 0)
        place_problem(at, "QueryLanguage",
                      "The query language JSONata is not offered by this endpoint; use JSONPath");
    else
        place_problem(at, "QueryLanguage",
                      "The field 'QueryLanguage' should have one of these values: "
                      "[JSONPath, JSONata]");
}
