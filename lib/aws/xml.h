/* xml: a small reader for S3's answers: elements, their children and their text.
 *
 * Nodes point into the text they were read from, which must outlive them; nothing is allocated.
 * Attributes, comments and processing instructions are passed over; a DOCTYPE is refused, so that
 * no entity beyond the five of XML and character references exists. Nesting is bounded. Pure
 * functions, any thread. */
#ifndef STEPFLEET_AWS_XML_H
#define STEPFLEET_AWS_XML_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { XML_DEPTH_MAX = 32 };

/* One element: its name, and what stands between its tags. */
struct xml_node {
    const char *name;
    size_t name_len;
    const char *inner;
    size_t inner_len;
};

/* The document's one element. -1 with ERR_SYNTAX if the text is not such a document. */
int xml_root(const char *text, size_t len, struct xml_node *out, struct error *err);

/* The next child element at or after *at (begin with 0; it moves on). 1: *out is one; 0: there is
 * none left; -1 with ERR_SYNTAX. */
int xml_next(const struct xml_node *parent, size_t *at, struct xml_node *out, struct error *err);

/* True if the element's name is `name` (prefix included). */
bool xml_is(const struct xml_node *node, const char *name);

/* The first element at a path of names below `parent`: "Error/Code". False if there is none. */
bool xml_find(const struct xml_node *parent, const char *path, struct xml_node *out);

/* Appends the text of an element without children, decoded to UTF-8. -1 with ERR_SYNTAX for an
 * unknown entity or a child, ERR_LIMIT when `out` is full. */
int xml_text(const struct xml_node *node, struct buf *out, struct error *err);

/* xml_find and xml_text in one; nothing is appended, and 0 returned, when the element is absent. */
int xml_find_text(const struct xml_node *parent, const char *path, struct buf *out,
                  struct error *err);

/* Appends `text` with what XML reserves, and control characters, written as references. */
void xml_escape(struct buf *out, const char *text);

#endif
