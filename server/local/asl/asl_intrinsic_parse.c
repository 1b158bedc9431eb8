/* Reading of expressions: a path, or a call of an intrinsic function whose arguments are texts in
 * single quotes, numbers, true, false, null, paths and further calls.
 *
 * In a text a backslash may only escape ' { } and itself. Recorded: a definition with \" in such a
 * text is refused when the state machine is created, so this is a matter of the parser and not of
 * evaluation. Whether the number of arguments fits is checked here as well. */
#include "server/local/asl/asl_intrinsic.h"
#include "server/local/asl/asl_path.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct asl_expr *parse_argument(struct asl_cursor *c);

/* Also frees expressions that were only half built. */
struct asl_expr *asl_expr_free(struct asl_expr *e)
{
    if (!e)
        return NULL;
    for (size_t i = 0; i < e->count; i++)
        (void)asl_expr_free(e->args[i]);
    free(e->args);
    (void)asl_path_free(e->path);
    json_decref(e->literal);
    free(e->raw);
    free(e->text);
    free(e);
    return NULL;
}

/* NULL with the cursor's err. */
static struct asl_expr *expr_new(struct asl_cursor *c, enum asl_expr_kind kind)
{
    struct asl_expr *e = calloc(1, sizeof *e);
    if (e)
        e->kind = kind;
    else
        (void)err_set(c->err, ERR_MEMORY, "out of memory");
    return e;
}

/* Length of the literal behind its opening quote, checked: only ' { } \ may be escaped. */
static int literal_length(struct asl_cursor *c, size_t *len)
{
    size_t i = 0;
    for (; c->at[i] && c->at[i] != '\''; i++) {
        if (c->at[i] != '\\')
            continue;
        i++;
        if (!c->at[i] || !strchr("'{}\\", c->at[i]))
            return err_set(c->err, ERR_SYNTAX,
                           "a backslash may only stand before ' { } or another backslash");
    }
    if (!c->at[i])
        return err_set(c->err, ERR_SYNTAX, "a text has no closing quote");
    *len = i;
    return 0;
}

/* Takes the escapes out of a literal as written. */
static json_t *unescape(const char *raw)
{
    struct buf text;
    buf_init(&text, ASL_EXPR_TEXT_MAX);
    for (; *raw; raw++) {
        if (*raw == '\\')
            raw++;
        buf_addc(&text, *raw);
    }
    json_t *value = text.failed ? NULL : json_stringn(buf_str(&text), text.len);
    buf_free(&text);
    return value;
}

/* Keeps both forms of a text: as written for Format, which tells {} from \{\}, and without
 * escapes for everything else. */
static struct asl_expr *parse_literal_text(struct asl_cursor *c)
{
    size_t len = 0;
    c->at++;
    if (literal_length(c, &len))
        return NULL;
    struct asl_expr *e = expr_new(c, ASL_EXPR_LITERAL);
    if (!e)
        return NULL;
    e->raw = strndup(c->at, len);
    e->literal = e->raw ? unescape(e->raw) : NULL;
    c->at += len + 1;
    if (e->literal)
        return e;
    (void)err_set(c->err, ERR_SYNTAX, "a text is not UTF-8");
    return asl_expr_free(e);
}

/* Numbers and the words true, false, null: what stands up to the next comma or bracket. */
static json_t *scalar(const char *text, size_t len)
{
    char word[64], *end;
    if (len == 0 || len >= sizeof word)
        return NULL;
    memcpy(word, text, len);
    word[len] = '\0';
    if (strcmp(word, "true") == 0)
        return json_true();
    if (strcmp(word, "false") == 0)
        return json_false();
    if (strcmp(word, "null") == 0)
        return json_null();
    if (strspn(word, "-0123456789.eE+") != len || !strpbrk(word, "0123456789"))
        return NULL;
    errno = 0;
    long long integer = strtoll(word, &end, 10);
    if (!*end && errno == 0)
        return json_integer(integer);
    double real = strtod(word, &end);
    return !*end && isfinite(real) ? json_real(real) : NULL;
}

/* A number or a word. */
static struct asl_expr *parse_scalar(struct asl_cursor *c)
{
    size_t len = strcspn(c->at, ",() \t\r\n");
    struct asl_expr *e = expr_new(c, ASL_EXPR_LITERAL);
    if (!e)
        return NULL;
    e->literal = scalar(c->at, len);
    if (!e->literal) {
        (void)err_set(c->err, ERR_SYNTAX, "an argument is expected at '%.40s'", c->at);
        return asl_expr_free(e);
    }
    c->at += len;
    return e;
}

/* A path ends by itself at the comma or bracket behind it. */
static struct asl_expr *parse_path(struct asl_cursor *c)
{
    struct asl_expr *e = expr_new(c, ASL_EXPR_PATH);
    if (!e)
        return NULL;
    e->path = asl_path_parse(c);
    return e->path ? e : asl_expr_free(e);
}

/* Reads one argument and the spaces behind it. */
static int add_argument(struct asl_cursor *c, struct asl_expr *e)
{
    struct asl_expr **args = NULL;
    if (e->count < ASL_CALL_ARGS_MAX)
        args = reallocarray(e->args, e->count + 1, sizeof(struct asl_expr *));
    if (!args)
        return err_set(c->err, ERR_LIMIT, "an intrinsic function has too many arguments");
    e->args = args;
    e->args[e->count] = parse_argument(c);
    if (!e->args[e->count])
        return -1;
    e->count++;
    asl_skip_space(c);
    return 0;
}

/* Arguments from behind the opening bracket to behind the closing one. */
static int parse_arguments(struct asl_cursor *c, struct asl_expr *e)
{
    asl_skip_space(c);
    if (*c->at == ')') {
        c->at++;
        return 0;
    }
    for (;;) {
        if (add_argument(c, e))
            return -1;
        if (*c->at == ')')
            break;
        if (*c->at != ',')
            return err_set(c->err, ERR_SYNTAX, "',' or ')' is expected at '%.40s'", c->at);
        c->at++;
    }
    c->at++;
    return 0;
}

/* Compares with the function's row in the table. */
static int check_count(struct asl_cursor *c, const struct asl_expr *e)
{
    if (e->count >= e->fn->min_args && e->count <= e->fn->max_args)
        return 0;
    return err_set(c->err, ERR_SYNTAX, "States.%s does not take %zu arguments", e->fn->name,
                   e->count);
}

/* States.Name( ... ); counts how deep calls are nested. */
static struct asl_expr *parse_call(struct asl_cursor *c)
{
    const char *name = strncmp(c->at, "States.", 7) == 0 ? c->at + 7 : "";
    size_t len = strcspn(name, "( \t");
    const struct asl_intrinsic *fn = asl_intrinsic_find(name, len);
    if (!fn) {
        (void)err_set(c->err, ERR_SYNTAX, "no intrinsic function begins at '%.60s'", c->at);
        return NULL;
    }
    struct asl_expr *e = expr_new(c, ASL_EXPR_CALL);
    if (!e)
        return NULL;
    e->fn = fn;
    c->at = name + len;
    asl_skip_space(c);
    if (*c->at != '(') {
        (void)err_set(c->err, ERR_SYNTAX, "'(' is expected behind States.%s", fn->name);
        return asl_expr_free(e);
    }
    c->at++;
    if (++c->depth > ASL_CALLS_NESTED_MAX)
        (void)err_set(c->err, ERR_LIMIT, "more than %d intrinsic functions are nested",
                      ASL_CALLS_NESTED_MAX);
    else if (parse_arguments(c, e) == 0 && check_count(c, e) == 0) {
        c->depth--;
        return e;
    }
    return asl_expr_free(e);
}

/* The first character tells the kinds of arguments apart. */
static struct asl_expr *parse_argument(struct asl_cursor *c)
{
    asl_skip_space(c);
    switch (*c->at) {
    case '\'':
        return parse_literal_text(c);
    case '$':
        return parse_path(c);
    case 'S':
        return parse_call(c);
    default:
        return parse_scalar(c);
    }
}

/* Nothing may stand before or behind an expression, not even spaces. */
struct asl_expr *asl_expr_compile(const char *text, struct error *err)
{
    struct asl_cursor c = {.at = text, .err = err};
    if (strlen(text) > ASL_EXPR_TEXT_MAX) {
        (void)err_set(err, ERR_LIMIT, "an expression is longer than %d bytes", ASL_EXPR_TEXT_MAX);
        return NULL;
    }
    struct asl_expr *e = *text == '$' ? parse_path(&c) : parse_call(&c);
    if (!e)
        return NULL;
    if (*c.at)
        (void)err_set(err, ERR_SYNTAX, "unexpected '%.40s' behind the expression", c.at);
    else if (!(e->text = strdup(text)))
        (void)err_set(err, ERR_MEMORY, "out of memory");
    return e->text ? e : asl_expr_free(e);
}

/* Some fields take paths only; their checks ask this. */
bool asl_expr_is_intrinsic(const struct asl_expr *e)
{
    return e->kind == ASL_EXPR_CALL;
}
