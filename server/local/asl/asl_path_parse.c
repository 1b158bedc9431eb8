/* Reading of paths: recursive descent without look-ahead beyond a few characters. A path is parsed
 * where it stands, inside an intrinsic function or a filter too, and ends at the first character
 * that cannot belong to it; asl_path_compile insists that this is the end of the text.
 *
 * Names behind a dot may hold everything that does not begin another step: "delivery-partner" and
 * "ns:tag" need no brackets. Whatever the grammar does not know is refused here, never ignored. */
#include "server/local/asl/asl_path.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Line breaks too: definitions are JSON, whose texts may hold them. */
void asl_skip_space(struct asl_cursor *c)
{
    c->at += strspn(c->at, " \t\r\n");
}

/* Bounded by ASL_PATH_TEXT_MAX. */
char *asl_parse_quoted(struct asl_cursor *c)
{
    char quote = *c->at++;
    struct buf text;
    buf_init(&text, ASL_PATH_TEXT_MAX);
    for (; *c->at && *c->at != quote; c->at++) {
        if (*c->at == '\\' && (c->at[1] == quote || c->at[1] == '\\'))
            c->at++;
        buf_addc(&text, *c->at);
    }
    char *out = NULL;
    if (*c->at != quote)
        (void)err_set(c->err, ERR_SYNTAX, "a quoted name has no closing %c", quote);
    else if (!(out = buf_take(&text, NULL)))
        (void)err_set(c->err, ERR_LIMIT, "a quoted name is too long");
    else
        c->at++;
    buf_free(&text);
    return out;
}

int asl_parse_integer(struct asl_cursor *c, int64_t *out)
{
    char *end;
    const char *digits = *c->at == '-' ? c->at + 1 : c->at;
    if (!isdigit((unsigned char)*digits))
        return err_set(c->err, ERR_SYNTAX, "a number is expected at '%.40s'", c->at);
    errno = 0;
    long long value = strtoll(c->at, &end, 10);
    /* Half the range of int64_t, so that adding an array's size can never overflow. */
    if (errno == ERANGE || value > INT32_MAX || value < -INT32_MAX)
        return err_set(c->err, ERR_SYNTAX, "the index '%.*s' is out of range", (int)(end - c->at),
                       c->at);
    c->at = end;
    *out = value;
    return 0;
}

/* `count` grows only after a name is in place, so all names up to it are valid. */
static void step_free(struct asl_step *step)
{
    for (size_t i = 0; step->names && i < step->count; i++)
        free(step->names[i]);
    free(step->names);
    free(step->indexes);
    (void)asl_filter_free(step->filter);
}

/* Also frees a path that was only half built. */
struct asl_path *asl_path_free(struct asl_path *p)
{
    if (!p)
        return NULL;
    for (size_t i = 0; i < p->count; i++)
        step_free(&p->steps[i]);
    free(p->steps);
    free(p->variable);
    free(p->text);
    free(p);
    return NULL;
}

/* Adds a name to a step; takes it. */
static int add_name(struct asl_cursor *c, struct asl_step *step, char *name)
{
    if (!name)
        return -1;
    char **names = NULL;
    if (step->count < ASL_PATH_UNION_MAX)
        names = reallocarray(step->names, step->count + 1, sizeof *names);
    if (!names) {
        free(name);
        return err_set(c->err, ERR_LIMIT, "a path lists too many names");
    }
    step->names = names;
    step->names[step->count++] = name;
    return 0;
}

/* Reads one index of a list such as [0,-1] and adds it to the step. */
static int add_index(struct asl_cursor *c, struct asl_step *step)
{
    int64_t value = 0;
    if (asl_parse_integer(c, &value))
        return -1;
    int64_t *list = NULL;
    if (step->count < ASL_PATH_UNION_MAX)
        list = reallocarray(step->indexes, step->count + 1, sizeof *list);
    if (!list)
        return err_set(c->err, ERR_LIMIT, "a path lists too many indexes");
    step->indexes = list;
    step->indexes[step->count++] = value;
    return 0;
}

/* Reads what separates the members of a union: true when another one follows. */
static bool comma(struct asl_cursor *c)
{
    asl_skip_space(c);
    if (*c->at != ',')
        return false;
    c->at++;
    asl_skip_space(c);
    return true;
}

/* ['a'] or ['a','b'] */
static int parse_names(struct asl_cursor *c, struct asl_step *step)
{
    step->kind = ASL_STEP_NAMES;
    do {
        if (*c->at != '\'' && *c->at != '"')
            return err_set(c->err, ERR_SYNTAX, "a quoted name is expected at '%.40s'", c->at);
        if (add_name(c, step, asl_parse_quoted(c)))
            return -1;
    } while (comma(c));
    return 0;
}

/* [1:3], [:3], [-2:] */
static int parse_slice(struct asl_cursor *c, struct asl_step *step)
{
    step->kind = ASL_STEP_SLICE;
    step->from = INT64_MIN;
    step->to = INT64_MAX;
    if (*c->at != ':' && asl_parse_integer(c, &step->from))
        return -1;
    asl_skip_space(c);
    c->at++;
    asl_skip_space(c);
    if (*c->at != ']' && asl_parse_integer(c, &step->to))
        return -1;
    return 0;
}

/* [0] or [0,2] */
static int parse_indexes(struct asl_cursor *c, struct asl_step *step)
{
    step->kind = ASL_STEP_INDEXES;
    do {
        if (add_index(c, step))
            return -1;
    } while (comma(c));
    return 0;
}

/* The inside of [...] behind the bracket. */
static int parse_selector(struct asl_cursor *c, struct asl_step *step)
{
    switch (*c->at) {
    case '\'':
    case '"':
        return parse_names(c, step);
    case '*':
        c->at++;
        step->kind = ASL_STEP_ALL;
        return 0;
    case '?':
        c->at++;
        step->kind = ASL_STEP_FILTER;
        step->filter = asl_filter_parse(c);
        return step->filter ? 0 : -1;
    default:
        break;
    }
    /* Only a colon behind the first number tells a slice from an index. */
    size_t number = strspn(c->at, "-0123456789 ");
    return c->at[number] == ':' ? parse_slice(c, step) : parse_indexes(c, step);
}

/* A whole [...] from its opening bracket on. */
static int parse_bracket(struct asl_cursor *c, struct asl_step *step)
{
    c->at++;
    asl_skip_space(c);
    if (parse_selector(c, step))
        return -1;
    asl_skip_space(c);
    if (*c->at != ']')
        return err_set(c->err, ERR_SYNTAX, "']' is expected at '%.40s'", c->at);
    c->at++;
    return 0;
}

/* Length of the plain name at the cursor: up to what begins another step or ends the path. */
static size_t name_length(const struct asl_cursor *c)
{
    return strcspn(c->at, c->filter ? ".[](),'\"* \t\r\n=<>!&|" : ".[](),'\"* \t\r\n");
}

/* What stands behind a dot: a name, "*", or length() as the only function. Other functions of
 * JsonPath (min, sum, keys ...) are refused, because the service gives no promise about them. */
static int parse_dotted(struct asl_cursor *c, struct asl_step *step)
{
    if (*c->at == '*') {
        c->at++;
        step->kind = ASL_STEP_ALL;
        return 0;
    }
    size_t len = name_length(c);
    if (len == 0)
        return err_set(c->err, ERR_SYNTAX, "a name is expected behind '.' at '%.40s'", c->at);
    if (c->at[len] == '(') {
        if (strncmp(c->at, "length()", 8) != 0)
            return err_set(c->err, ERR_SYNTAX, "the function '%.*s' is not supported in a path",
                           (int)(len > 40 ? 40 : len), c->at);
        c->at += 8;
        step->kind = ASL_STEP_LENGTH;
        return 0;
    }
    step->kind = ASL_STEP_NAMES;
    char *name = strndup(c->at, len);
    c->at += len;
    return name ? add_name(c, step, name) : err_set(c->err, ERR_MEMORY, "out of memory");
}

/* One step from its "." or "[" on; ".." marks the step as descending. */
static int parse_step(struct asl_cursor *c, struct asl_step *step)
{
    if (*c->at == '[')
        return parse_bracket(c, step);
    c->at++;
    if (*c->at == '.') {
        c->at++;
        step->descend = true;
        if (*c->at == '[')
            return parse_bracket(c, step);
    }
    return parse_dotted(c, step);
}

/* Steps until a character that begins none. The new step is counted before it is read, so that
 * asl_path_free finds it when reading fails half way. */
static int parse_steps(struct asl_cursor *c, struct asl_path *p)
{
    while (*c->at == '.' || *c->at == '[') {
        if (p->count > 0 && p->steps[p->count - 1].kind == ASL_STEP_LENGTH)
            return err_set(c->err, ERR_SYNTAX, "length() must be the end of a path");
        struct asl_step *steps = NULL;
        if (p->count < ASL_PATH_STEPS_MAX)
            steps = reallocarray(p->steps, p->count + 1, sizeof *steps);
        if (!steps)
            return err_set(c->err, ERR_LIMIT, "a path has too many steps");
        p->steps = steps;
        p->steps[p->count] = (struct asl_step){0};
        p->count++;
        if (parse_step(c, &p->steps[p->count - 1]))
            return -1;
    }
    return 0;
}

/* ASCII letters, digits and "_"; bytes of longer UTF-8 characters count as letters. */
static size_t variable_length(const char *at)
{
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '_' || (unsigned char)at[len] >= 0x80)
        len++;
    return isdigit((unsigned char)at[0]) ? 0 : len;
}

/* $, $$, $name; inside filters only $ and @, where a name could not be told from an operator. */
static int parse_root(struct asl_cursor *c, struct asl_path *p)
{
    if (c->filter && *c->at == '@') {
        c->at++;
        p->root = ASL_ROOT_ELEMENT;
        return 0;
    }
    if (*c->at != '$')
        return err_set(c->err, ERR_SYNTAX, "a path must start with '$'");
    c->at++;
    if (c->filter)
        return 0;
    if (*c->at == '$') {
        c->at++;
        p->root = ASL_ROOT_CONTEXT;
        return 0;
    }
    size_t len = variable_length(c->at);
    if (len == 0)
        return 0;
    p->root = ASL_ROOT_VARIABLE;
    p->variable = strndup(c->at, len);
    if (!p->variable)
        return err_set(c->err, ERR_MEMORY, "out of memory");
    if (strcmp(p->variable, "states") == 0)
        return err_set(c->err, ERR_SYNTAX, "'$states' is reserved and not available in JSONPath");
    c->at += len;
    return 0;
}

/* Fills what can be told from the steps: whether the path is definite, and a reference. */
static void classify(struct asl_path *p)
{
    p->definite = p->reference = true;
    for (size_t i = 0; i < p->count; i++) {
        const struct asl_step *s = &p->steps[i];
        bool last = i + 1 == p->count;
        bool single = (s->kind == ASL_STEP_NAMES || s->kind == ASL_STEP_INDEXES) && s->count == 1;
        /* Several names are definite as the last step only, where they make one object. */
        bool merge = s->kind == ASL_STEP_NAMES && last;
        if (s->descend || !(single || merge || s->kind == ASL_STEP_LENGTH))
            p->definite = false;
        if (s->descend || !single)
            p->reference = false;
    }
}

/* The text is kept as written: causes quote it, and the service quotes it verbatim too. */
struct asl_path *asl_path_parse(struct asl_cursor *c)
{
    const char *start = c->at;
    struct asl_path *p = calloc(1, sizeof *p);
    if (!p) {
        (void)err_set(c->err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    if (parse_root(c, p) || parse_steps(c, p))
        return asl_path_free(p);
    classify(p);
    p->text = strndup(start, (size_t)(c->at - start));
    if (p->text)
        return p;
    (void)err_set(c->err, ERR_MEMORY, "out of memory");
    return asl_path_free(p);
}

/* The ceiling keeps union lists and filters, whose parts are on the heap, within reason. */
struct asl_path *asl_path_compile(const char *text, struct error *err)
{
    struct asl_cursor c = {.at = text, .err = err};
    if (strlen(text) > ASL_PATH_TEXT_MAX) {
        (void)err_set(err, ERR_LIMIT, "a path is longer than %d bytes", ASL_PATH_TEXT_MAX);
        return NULL;
    }
    struct asl_path *p = asl_path_parse(&c);
    if (p && *c.at) {
        (void)err_set(err, ERR_SYNTAX, "unexpected '%.40s' in the path", c.at);
        return asl_path_free(p);
    }
    return p;
}

/* What ResultPath, and rules that compare single values, insist on. */
bool asl_path_is_reference(const struct asl_path *p)
{
    return p->reference;
}

/* As written, for causes. */
const char *asl_path_text(const struct asl_path *p)
{
    return p->text;
}
