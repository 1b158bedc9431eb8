/* ddb_lex: the words of an expression. Borrows the text; allocates nothing. Pure.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_LEX_H
#define STEPFLEET_DDB_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum ddb_token_type {
    TOKEN_END,
    TOKEN_WORD,   /* an attribute's name, a function or a keyword */
    TOKEN_NAME,   /* #name */
    TOKEN_VALUE,  /* :value */
    TOKEN_NUMBER, /* an index */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_INDEX,
    TOKEN_CLOSE_INDEX,
    TOKEN_COMMA,
    TOKEN_DOT,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_WRONG, /* a character that belongs nowhere */
};

/* A piece of the expression's text, borrowed. */
struct ddb_token {
    enum ddb_token_type type;
    const char *at;
    size_t len;
};

struct ddb_lex {
    struct ddb_token before; /* the token before the current one, for messages */
    struct ddb_token token;  /* the current one */
    struct ddb_token after;
};

/* Stands on the first token then. `text` is NUL-terminated and borrowed. */
void ddb_lex_start(struct ddb_lex *lex, const char *text);
/* Moves to the next token; stays at the end. */
void ddb_lex_next(struct ddb_lex *lex);
/* True if the current token is this keyword, in any case. */
bool ddb_lex_is(const struct ddb_lex *lex, const char *keyword);
/* The current token with its neighbours, as DynamoDB shows them behind "near:". */
const char *ddb_lex_near(const struct ddb_lex *lex, size_t *len);

#endif
