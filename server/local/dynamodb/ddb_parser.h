/* ddb_parser: what the parsers of conditions, updates and projections share. Recursive descent;
 * a parser lives on the stack of one ddb_parse_* call. Private to ddb_parse*.c. */
#ifndef STEPFLEET_DDB_PARSER_H
#define STEPFLEET_DDB_PARSER_H

#include "server/local/dynamodb/ddb_expr.h"
#include "server/local/dynamodb/ddb_lex.h"
#include "server/local/dynamodb/ddb_value.h"

/* Where an expression stands decides which functions it may call. */
enum ddb_context { IN_CONDITION, IN_UPDATE, IN_PROJECTION };

/* The state of one ddb_parse_* call. Counts are held against the ceilings in ddb_expr.h. */
struct ddb_parser {
    struct ddb_lex lex;
    struct ddb_scope *scope;
    struct ddb_fault *fault;
    const char *what;
    enum ddb_context context;
    size_t operators;
    size_t parentheses; /* open at this point */
};

/* Stands on the first token; -1 if the expression is empty or too long. */
int ddb_parser_start(struct ddb_parser *p, const char *text);
/* -1 unless everything was read. */
int ddb_parser_end(struct ddb_parser *p);
/* "Invalid ...: Syntax error; token: ..., near: ..." at the current token. Returns -1. */
int ddb_parser_syntax(struct ddb_parser *p);
/* Moves on if the current token is of this type; else a syntax error. */
int ddb_parser_expect(struct ddb_parser *p, enum ddb_token_type type);

/* A new node with room for argc arguments; NULL with a fault. Counts operators. */
struct ddb_node *ddb_parser_node(struct ddb_parser *p, enum ddb_op op, size_t argc);

/* A document path from the current token on; NULL with a fault. */
const struct ddb_path *ddb_parse_path(struct ddb_parser *p);
/* A path, a :value or a function call. */
struct ddb_node *ddb_parse_operand(struct ddb_parser *p);
/* True at a word with a parenthesis behind it. */
bool ddb_parser_at_function(const struct ddb_parser *p);
/* Any function call; conditions and operands alike. */
struct ddb_node *ddb_parse_function(struct ddb_parser *p);

/* -1 when a literal operand is of a type that the operator cannot take, or a path is needed. */
int ddb_check_operands(struct ddb_parser *p, const struct ddb_node *node);
/* The type of a literal operand, DDB_NO_TYPE when only the item can tell. */
enum ddb_type ddb_literal_type(const struct ddb_node *node);
/* "Invalid ...: Incorrect operand type for operator or function; ...". Returns -1. */
int ddb_wrong_operand(struct ddb_parser *p, const char *name, enum ddb_type type);

#endif
