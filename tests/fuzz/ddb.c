/* server/local/dynamodb: the first line is a kind (c, u, p or k) and an expression, the rest is
 * {"n": names, "v": values, "i": item}. */
#include "lib/json/json_read.h"
#include "server/local/dynamodb/ddb_condition.h"
#include "server/local/dynamodb/ddb_expr.h"
#include "server/local/dynamodb/ddb_keycond.h"
#include "server/local/dynamodb/ddb_project.h"
#include "server/local/dynamodb/ddb_update.h"
#include "server/local/dynamodb/ddb_value.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static void condition(struct ddb_scope *s, const char *text, json_t *item, struct ddb_fault *f)
{
    struct ddb_node *node = ddb_parse_condition(s, "FilterExpression", text, f);
    if (node)
        (void)ddb_condition_test(node, item);
}

static void key_condition(struct ddb_scope *s, const char *text, struct ddb_fault *f)
{
    static const struct ddb_schema schema = {"h", "r", DDB_S, DDB_N};
    struct ddb_bounds *bounds = calloc(1, sizeof *bounds);
    struct ddb_node *node = ddb_parse_condition(s, "KeyConditionExpression", text, f);
    if (node && bounds)
        (void)ddb_keycond_bounds(&schema, node, bounds, f);
    free(bounds);
}

static void update(struct ddb_scope *s, const char *text, json_t *item, struct ddb_fault *f)
{
    struct ddb_update compiled;
    size_t bytes = 0;
    if (ddb_parse_update(s, text, &compiled, f) != 0)
        return;
    json_t *changed = ddb_update_apply(&compiled, item, f);
    json_t *normal = changed ? ddb_item_normal(changed, &bytes, f) : NULL;
    fuzz_expect(!normal || json_equal(normal, changed), "an updated item is not in normal form");
    json_decref(normal);
    json_decref(changed);
    json_decref(ddb_project_update(&compiled, item));
}

static void projection(struct ddb_scope *s, const char *text, json_t *item, struct ddb_fault *f)
{
    struct ddb_paths paths;
    if (ddb_parse_projection(s, text, &paths, f) == 0)
        json_decref(ddb_project(&paths, item));
}

/* What follows the kind, with the names, values and item of `given`. */
static void run(char kind, const char *text, json_t *given)
{
    struct ddb_scope scope = {0};
    struct ddb_fault f = {0};
    size_t bytes = 0;
    json_t *item = ddb_item_normal(json_object_get(given, "i"), &bytes, &f);
    ddb_fault_clear(&f);
    if (ddb_scope_open(&scope, json_object_get(given, "n"), json_object_get(given, "v"), true,
                       &f) == 0) {
        if (kind == 'c')
            condition(&scope, text, item, &f);
        else if (kind == 'k')
            key_condition(&scope, text, &f);
        else if (kind == 'p' && item)
            projection(&scope, text, item, &f);
        else if (kind == 'u' && item)
            update(&scope, text, item, &f);
        (void)ddb_scope_finish(&scope, &f);
    }
    ddb_scope_close(&scope);
    ddb_fault_clear(&f);
    json_decref(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    json_t *given = NULL;
    char *line = fuzz_line(&data, &size);
    if (*line && json_parse((const char *)data, size, &given, &err) == 0 && json_is_object(given))
        run(*line, line + 1, given);
    json_decref(given);
    free(line);
    return 0;
}
