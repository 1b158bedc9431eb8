/* server/local/asl: the first line is an expression or a rule, the rest is the document that it
 * sees. */
#include "lib/json/json_read.h"
#include "server/local/asl/asl_eval.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void as_path(const char *text, const struct asl_scope *scope)
{
    struct error err;
    struct buf missing;
    struct asl_failure f = {0};
    json_t *out = NULL, *assigned;
    struct asl_path *p = asl_path_compile(text, &err);
    if (!p)
        return;
    if (asl_path_eval(p, scope, &out, &f) == 0) {
        buf_init(&missing, BUF_MAX_STATE);
        asl_path_missing(p, scope, &missing);
        buf_free(&missing);
    }
    asl_failure_free(&f);
    if (asl_path_is_reference(p)) {
        assigned = asl_path_assign(p, scope->input, scope->input, scope, &f);
        json_decref(assigned);
    }
    json_decref(out);
    asl_failure_free(&f);
    (void)asl_path_free(p);
}

static void as_expression(const char *text, const struct asl_scope *scope)
{
    struct error err;
    struct asl_failure f = {0};
    json_t *out = NULL;
    struct asl_expr *e = asl_expr_compile(text, &err);
    if (!e)
        return;
    const int rc = asl_expr_eval(e, scope, &out, &f);
    fuzz_expect((rc == 1) == (out != NULL) && (rc == -1) == (f.cause != NULL), "a wrong outcome");
    json_decref(out);
    asl_failure_free(&f);
    (void)asl_expr_free(e);
}

static void as_template(json_t *source, const struct asl_scope *scope)
{
    struct error err;
    struct asl_failure f = {0};
    struct asl_template *t = asl_template_compile(source, &err);
    if (t)
        json_decref(asl_template_eval(t, scope, &f));
    asl_failure_free(&f);
    (void)asl_template_free(t);
}

static void as_rule(json_t *source, const struct asl_scope *scope)
{
    struct error err;
    struct asl_failure f = {0};
    bool match;
    struct asl_choice *c = asl_choice_compile(source, &err);
    if (c)
        (void)asl_choice_test(c, scope, &match, &f);
    asl_failure_free(&f);
    (void)asl_choice_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    json_t *input = NULL, *source = NULL;
    char *line = fuzz_line(&data, &size);
    if (json_parse((const char *)data, size, &input, &err) != 0)
        input = json_object();
    const struct asl_scope scope = {
        .input = input, .context = input, .variables = input, .state = "S", .entered_id = 1};
    if (json_parse(line, strlen(line), &source, &err) == 0 && json_is_object(source)) {
        as_template(source, &scope);
        as_rule(source, &scope);
    } else {
        as_path(line, &scope);
        as_expression(line, &scope);
    }
    json_decref(source);
    json_decref(input);
    free(line);
    return 0;
}
