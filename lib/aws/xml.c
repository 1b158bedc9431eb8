/* A scanner for tags, and elements found by counting them. Two passes over an element's text (one
 * to find its end, one to read it) are cheap for S3's flat answers, and need no memory. */
#include "lib/aws/xml.h"

#include "lib/base/hex.h"
#include "lib/base/utf8.h"

#include <stdint.h>
#include <string.h>

enum token_kind { TOKEN_START, TOKEN_END, TOKEN_EMPTY, TOKEN_CDATA, TOKEN_OTHER, TOKEN_BAD };

/* One piece of markup: from its '<' up to `end`. */
struct token {
    enum token_kind kind;
    const char *name; /* of an element; the text of CDATA */
    size_t name_len;
    const char *end; /* behind the '>' */
};

/* Never reads beyond `end`: the text need not be terminated. */
static bool starts_with(const char *p, const char *end, const char *prefix)
{
    size_t len = strlen(prefix);
    return (size_t)(end - p) >= len && memcmp(p, prefix, len) == 0;
}

/* Markup that ends at the first `close` after `open`. */
static struct token closed_by(const char *p, const char *end, const char *open, const char *close,
                              enum token_kind kind)
{
    const char *from = p + strlen(open);
    const char *at = memmem(from, (size_t)(end - from), close, strlen(close));
    if (!at)
        return (struct token){.kind = TOKEN_BAD};
    return (struct token){kind, from, (size_t)(at - from), at + strlen(close)};
}

/* The '>' of a tag, past those in quoted attribute values; NULL if the text ends before. */
static const char *tag_close(const char *p, const char *end)
{
    char quote = '\0';
    for (; p < end; p++) {
        if (quote)
            quote = *p == quote ? '\0' : quote;
        else if (*p == '"' || *p == '\'')
            quote = *p;
        else if (*p == '>')
            return p;
        else if (*p == '<')
            return NULL;
    }
    return NULL;
}

/* Up to white space, the tag's end, or what cannot be part of a name. */
static size_t name_length(const char *p, const char *end)
{
    const char *at = p;
    while (at < end && !strchr(" \t\r\n/>\"'=<", *at))
        at++;
    return (size_t)(at - p);
}

/* Reads the markup that begins at p, which points at '<'. */
static struct token read_token(const char *p, const char *end)
{
    if (starts_with(p, end, "<!--"))
        return closed_by(p, end, "<!--", "-->", TOKEN_OTHER);
    if (starts_with(p, end, "<![CDATA["))
        return closed_by(p, end, "<![CDATA[", "]]>", TOKEN_CDATA);
    if (starts_with(p, end, "<?"))
        return closed_by(p, end, "<?", "?>", TOKEN_OTHER);
    const char *close = tag_close(p + 1, end);
    if (!close)
        return (struct token){.kind = TOKEN_BAD};
    struct token t = {TOKEN_START, p + 1, 0, close + 1};
    if (*t.name == '/') {
        t.kind = TOKEN_END;
        t.name++;
    } else if (close > t.name && close[-1] == '/') {
        t.kind = TOKEN_EMPTY;
    }
    t.name_len = name_length(t.name, close);
    if (t.name_len == 0 || *t.name == '!')
        t.kind = TOKEN_BAD;
    return t;
}

static int malformed(struct error *err)
{
    (void)err_set(err, ERR_SYNTAX, "the answer is not well-formed XML");
    return -1;
}

/* Finds the end tag that belongs to `start`; fills the node. Returns what follows it, or NULL. */
static const char *close_element(const struct token *start, const char *end, struct xml_node *out)
{
    int depth = 1;
    const char *p = start->end;
    *out = (struct xml_node){start->name, start->name_len, p, 0};
    if (start->kind == TOKEN_EMPTY)
        return p;
    while ((p = memchr(p, '<', (size_t)(end - p)))) {
        struct token t = read_token(p, end);
        depth += (t.kind == TOKEN_START) - (t.kind == TOKEN_END);
        if (t.kind == TOKEN_BAD || depth > XML_DEPTH_MAX)
            return NULL;
        if (depth == 0) {
            bool same = t.name_len == out->name_len && memcmp(t.name, out->name, t.name_len) == 0;
            out->inner_len = (size_t)(p - out->inner);
            return same ? t.end : NULL;
        }
        p = t.end;
    }
    return NULL;
}

/* Text between children is passed over; an end tag here belongs to nobody. */
int xml_next(const struct xml_node *parent, size_t *at, struct xml_node *out, struct error *err)
{
    const char *end = parent->inner + parent->inner_len;
    const char *p = parent->inner + *at;
    while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
        struct token t = read_token(p, end);
        if (t.kind == TOKEN_BAD || t.kind == TOKEN_END)
            return malformed(err);
        p = t.end;
        if (t.kind != TOKEN_START && t.kind != TOKEN_EMPTY)
            continue;
        p = close_element(&t, end, out);
        if (!p)
            return malformed(err);
        *at = (size_t)(p - parent->inner);
        return 1;
    }
    *at = parent->inner_len;
    return 0;
}

/* True if only white space, comments and instructions are left. */
static bool nothing_left(const char *p, const char *end)
{
    while (p < end) {
        if (strchr(" \t\r\n", *p) && *p) {
            p++;
            continue;
        }
        struct token t = *p == '<' ? read_token(p, end) : (struct token){.kind = TOKEN_BAD};
        if (t.kind != TOKEN_OTHER)
            return false;
        p = t.end;
    }
    return true;
}

int xml_root(const char *text, size_t len, struct xml_node *out, struct error *err)
{
    const struct xml_node document = {.inner = text, .inner_len = len};
    size_t at = 0;
    int found = xml_next(&document, &at, out, err);
    if (found < 0)
        return -1;
    if (found == 0 || !nothing_left(text + at, text + len) || !nothing_left(text, out->name - 1))
        return malformed(err);
    return 0;
}

bool xml_is(const struct xml_node *node, const char *name)
{
    return strlen(name) == node->name_len && memcmp(node->name, name, node->name_len) == 0;
}

/* Takes the first child of each name on the path; broken XML ends the search as not found. */
bool xml_find(const struct xml_node *parent, const char *path, struct xml_node *out)
{
    struct xml_node here = *parent;
    while (*path) {
        struct xml_node child = {0};
        size_t len = strcspn(path, "/");
        size_t at = 0;
        bool found = false;
        while (!found && xml_next(&here, &at, &child, NULL) == 1)
            found = child.name_len == len && memcmp(child.name, path, len) == 0;
        if (!found)
            return false;
        here = child;
        path += len;
        path += *path == '/';
    }
    *out = here;
    return true;
}

/* "#65" or "#x41" (without & and ;). */
static bool add_reference(struct buf *out, const char *p, size_t len)
{
    char utf8[4];
    bool hex = len > 1 && p[1] == 'x';
    int base = hex ? 16 : 10;
    uint32_t value = 0;
    size_t i = hex ? 2 : 1;
    if (i >= len)
        return false;
    for (; i < len; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0 || digit >= base || value > 0x10ffff)
            return false;
        value = value * (uint32_t)base + (uint32_t)digit;
    }
    if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return false;
    buf_add(out, utf8, utf8_encode(value, utf8));
    return true;
}

/* Decodes the reference at p ('&'); returns what follows it, or NULL. */
static const char *add_entity(struct buf *out, const char *p, const char *end)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    const char *semicolon = memchr(p, ';', (size_t)(end - p));
    if (!semicolon)
        return NULL;
    size_t len = (size_t)(semicolon - p) - 1;
    if (len > 0 && p[1] == '#')
        return add_reference(out, p + 1, len) ? semicolon + 1 : NULL;
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        if (strlen(entities[i].name) == len && memcmp(entities[i].name, p + 1, len) == 0) {
            buf_addc(out, entities[i].c);
            return semicolon + 1;
        }
    }
    return NULL;
}

/* Child elements inside are an error: the caller expects text. */
int xml_text(const struct xml_node *node, struct buf *out, struct error *err)
{
    const char *p = node->inner;
    const char *end = p + node->inner_len;
    while (p < end) {
        if (*p == '&') {
            p = add_entity(out, p, end);
        } else if (*p == '<') {
            struct token t = read_token(p, end);
            if (t.kind == TOKEN_CDATA)
                buf_add(out, t.name, t.name_len);
            p = t.kind == TOKEN_CDATA || t.kind == TOKEN_OTHER ? t.end : NULL;
        } else {
            buf_addc(out, *p++);
        }
        if (!p)
            return malformed(err);
    }
    return buf_check(out, err);
}

int xml_find_text(const struct xml_node *parent, const char *path, struct buf *out,
                  struct error *err)
{
    struct xml_node node;
    return xml_find(parent, path, &node) ? xml_text(&node, out, err) : 0;
}

/* Control characters become references, too: keys and ETags may hold anything. */
void xml_escape(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ' || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' || c == 127)
            buf_addf(out, "&#x%X;", c);
        else
            buf_addc(out, *text);
    }
}
