/* UpdateExpression: SET, REMOVE, ADD and DELETE, each at most once, in any order. */
#include "server/local/dynamodb/ddb_parser.h"

#include <string.h>

struct section {
    const char *keyword;
    int (*parse)(struct ddb_parser *p, struct ddb_assign *assign);
};

/* operand [(+|-) operand] */
static struct ddb_node *parse_set_value(struct ddb_parser *p)
{
    struct ddb_node *left = ddb_parse_operand(p);
    enum ddb_token_type type = p->lex.token.type;
    if (!left || (type != TOKEN_PLUS && type != TOKEN_MINUS))
        return left;
    struct ddb_node *node = ddb_parser_node(p, type == TOKEN_PLUS ? OP_PLUS : OP_MINUS, 2);
    if (!node)
        return NULL;
    ddb_lex_next(&p->lex);
    node->argv[0] = left;
    node->argv[1] = ddb_parse_operand(p);
    return node->argv[1] && ddb_check_operands(p, node) == 0 ? node : NULL;
}

/* path = value */
static int parse_set(struct ddb_parser *p, struct ddb_assign *assign)
{
    assign->kind = ASSIGN_SET;
    assign->path = ddb_parse_path(p);
    if (!assign->path || ddb_parser_expect(p, TOKEN_EQ) != 0)
        return -1;
    assign->value = parse_set_value(p);
    return assign->value ? 0 : -1;
}

/* A path alone. */
static int parse_remove(struct ddb_parser *p, struct ddb_assign *assign)
{
    assign->kind = ASSIGN_REMOVE;
    assign->path = ddb_parse_path(p);
    return assign->path ? 0 : -1;
}

/* ADD and DELETE: a path and a literal value. */
static int parse_path_and_value(struct ddb_parser *p, struct ddb_assign *assign)
{
    assign->path = ddb_parse_path(p);
    if (!assign->path)
        return -1;
    if (p->lex.token.type != TOKEN_VALUE)
        return ddb_parser_syntax(p);
    assign->value = ddb_parse_operand(p);
    return assign->value ? 0 : -1;
}

/* Only numbers and sets can be added; which of them the attribute is shows later. */
static int parse_add(struct ddb_parser *p, struct ddb_assign *assign)
{
    assign->kind = ASSIGN_ADD;
    if (parse_path_and_value(p, assign) != 0)
        return -1;
    enum ddb_type type = ddb_literal_type(assign->value);
    return type == DDB_N || ddb_type_is_set(type) ? 0 : ddb_wrong_operand(p, "ADD", type);
}

/* Only elements of sets can be deleted. */
static int parse_delete(struct ddb_parser *p, struct ddb_assign *assign)
{
    assign->kind = ASSIGN_DELETE;
    if (parse_path_and_value(p, assign) != 0)
        return -1;
    enum ddb_type type = ddb_literal_type(assign->value);
    return ddb_type_is_set(type) ? 0 : ddb_wrong_operand(p, "DELETE", type);
}

static const struct section sections[] = {
    {"SET", parse_set},
    {"REMOVE", parse_remove},
    {"ADD", parse_add},
    {"DELETE", parse_delete},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

/* The actions of one section, separated by commas. */
static int parse_section(struct ddb_parser *p, const struct section *section,
                         struct ddb_update *out)
{
    do {
        ddb_lex_next(&p->lex); /* the keyword or a comma */
        struct ddb_assign *assign = &out->list[out->count++];
        if (section->parse(p, assign) != 0)
            return -1;
    } while (p->lex.token.type == TOKEN_COMMA);
    return 0;
}

/* A bit for each section remembers whether it was there. */
static int parse_sections(struct ddb_parser *p, struct ddb_update *out)
{
    bool seen[SECTIONS] = {false};
    while (p->lex.token.type != TOKEN_END) {
        size_t i = 0;
        while (i < SECTIONS && !ddb_lex_is(&p->lex, sections[i].keyword))
            i++;
        if (i == SECTIONS)
            return ddb_parser_syntax(p);
        if (seen[i])
            return ddb_invalid(p->fault,
                               "Invalid %s: The \"%s\" section can only be used once in an update "
                               "expression;",
                               p->what, sections[i].keyword);
        seen[i] = true;
        if (parse_section(p, &sections[i], out) != 0)
            return -1;
    }
    return 0;
}

/* Across all sections: the order in which they are carried out must not matter. */
static int check_overlap(struct ddb_parser *p, const struct ddb_update *update)
{
    const struct ddb_path **paths = ddb_scope_alloc(p->scope, update->count * sizeof(*paths));
    if (!paths)
        return ddb_no_memory(p->fault);
    for (size_t i = 0; i < update->count; i++)
        paths[i] = update->list[i].path;
    return ddb_paths_check(paths, update->count, p->what, p->fault);
}

int ddb_parse_update(struct ddb_scope *s, const char *text, struct ddb_update *out,
                     struct ddb_fault *f)
{
    struct ddb_parser p = {
        .scope = s, .fault = f, .what = "UpdateExpression", .context = IN_UPDATE};
    *out = (struct ddb_update){0};
    if (ddb_parser_start(&p, text) != 0)
        return -1;
    /* Every action takes at least a character and what separates it from the next. */
    out->list = ddb_scope_alloc(s, (strlen(text) / 2 + 1) * sizeof *out->list);
    if (!out->list)
        return ddb_no_memory(f);
    if (parse_sections(&p, out) != 0)
        return -1;
    return check_overlap(&p, out);
}
