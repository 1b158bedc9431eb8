/* config_file: a parser of the AWS SDKs' shared config and credentials files. Pure; no I/O but in
 * config_file_read.
 *
 * Grammar as the SDKs and the AWS CLI have it: [sections], key = value, comments are lines that
 * begin with '#' or ';', a line indented deeper than its key goes on with that key: as members of
 * an empty value ("s3 =" and below it "  endpoint_url = ..."), else as more text. Section names
 * and values are taken as they are, keys are lower case. A section that comes twice is merged, the
 * later value counts. The text may hold secrets: closing wipes it. */
#ifndef STEPFLEET_AWS_CONFIG_FILE_H
#define STEPFLEET_AWS_CONFIG_FILE_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONFIG_FILE_MAX = 1024 * 1024, CONFIG_LINE_MAX = 32 * 1024, CONFIG_ENTRIES_MAX = 20000 };

/* A line that was understood; the texts point into the file's. */
struct config_entry {
    const char *section;
    const char *key;    /* "" : the section's own line */
    const char *member; /* of a nested value; NULL for a plain one */
    char *value;
};

/* Owned by whoever parsed it; does not change afterwards. Zero-initialised ones may be closed. */
struct config_file {
    char *text;
    size_t len;
    struct config_entry *entries;
    size_t count;
    size_t cap;
};

/* Copies the text. -1 with ERR_SYNTAX "NAME line 3: ..." or ERR_LIMIT; *out is then empty. */
int config_file_parse(const char *text, size_t len, const char *name, struct config_file *out,
                      struct error *err);
/* Reads and parses a file; one that does not exist is an empty one. */
int config_file_read(const char *path, struct config_file *out, struct error *err);
/* Wipes and releases. */
void config_file_close(struct config_file *f);

/* True if the file has a section of this name. */
bool config_file_has(const struct config_file *f, const char *section);
/* The value, borrowed; NULL if there is none or it is empty. member NULL: of a plain key. */
const char *config_file_get(const struct config_file *f, const char *section, const char *key,
                            const char *member);

/* Reads a whole small file into memory that the caller wipes and frees; *out NULL if there is no
 * such file. -1 with ERR_SYSTEM, or ERR_LIMIT if it is larger than `max`. */
int config_slurp(const char *path, size_t max, char **out, size_t *len, struct error *err);

#endif
