/* Reads three tokens ahead of itself and no more: the one before and the one after are for
 * messages, the one after also tells a function from a name. */
#include "server/local/dynamodb/ddb_lex.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct sign {
    char text[3];
    enum ddb_token_type type;
};

/* Two-character signs stand before their first character alone. */
static const struct sign signs[] = {
    {"<>", TOKEN_NE},         {"<=", TOKEN_LE},   {">=", TOKEN_GE},  {"<", TOKEN_LT},
    {">", TOKEN_GT},          {"=", TOKEN_EQ},    {"(", TOKEN_OPEN}, {")", TOKEN_CLOSE},
    {"[", TOKEN_OPEN_INDEX},  {",", TOKEN_COMMA}, {".", TOKEN_DOT},  {"+", TOKEN_PLUS},
    {"]", TOKEN_CLOSE_INDEX}, {"-", TOKEN_MINUS},
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* 0 if no word begins here. */
static size_t word_length(const char *p)
{
    size_t len = 0;
    while (is_word(p[len]))
        len++;
    return len;
}

/* The same for an index. */
static size_t digits_length(const char *p)
{
    return strspn(p, "0123456789");
}

/* A character that is none becomes TOKEN_WRONG, and a syntax error that shows it. */
static struct ddb_token read_sign(const char *p)
{
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t len = strlen(signs[i].text);
        if (strncmp(p, signs[i].text, len) == 0)
            return (struct ddb_token){signs[i].type, p, len};
    }
    return (struct ddb_token){TOKEN_WRONG, p, 1};
}

/* Names of attributes begin with a letter (aws: "Expression attribute names"), placeholders
 * with their sign. */
static struct ddb_token read_token(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    if (*p == '\0')
        return (struct ddb_token){TOKEN_END, p, 0};
    if ((*p == '#' || *p == ':') && is_word(p[1]))
        return (struct ddb_token){*p == '#' ? TOKEN_NAME : TOKEN_VALUE, p, 1 + word_length(p + 1)};
    if (isdigit((unsigned char)*p))
        return (struct ddb_token){TOKEN_NUMBER, p, digits_length(p)};
    if (isalpha((unsigned char)*p))
        return (struct ddb_token){TOKEN_WORD, p, word_length(p)};
    return read_sign(p);
}

void ddb_lex_start(struct ddb_lex *lex, const char *text)
{
    lex->token = read_token(text);
    lex->before = lex->token;
    lex->after = read_token(lex->token.at + lex->token.len);
}

void ddb_lex_next(struct ddb_lex *lex)
{
    lex->before = lex->token;
    lex->token = lex->after;
    lex->after = read_token(lex->token.at + lex->token.len);
}

bool ddb_lex_is(const struct ddb_lex *lex, const char *keyword)
{
    return lex->token.type == TOKEN_WORD && strlen(keyword) == lex->token.len &&
           strncasecmp(lex->token.at, keyword, lex->token.len) == 0;
}

/* DynamoDB shows the token before and after the wrong one, with what stood between. */
const char *ddb_lex_near(const struct ddb_lex *lex, size_t *len)
{
    if (lex->token.type == TOKEN_END)
        *len = lex->before.len;
    else
        *len = (size_t)(lex->after.at - lex->before.at) + lex->after.len;
    return lex->before.at;
}
