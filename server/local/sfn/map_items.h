/* map_items: the items of a distributed Map as lines of JSON text, one an item.
 *
 * They are stored once, in rows of some 64 KiB, when the run begins, and read back row by row as
 * children start. A struct map_items is a cursor over them; it holds one row at a time. Engine's
 * thread only. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_MAP_ITEMS_H
#define STEPFLEET_SFN_MAP_ITEMS_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "server/local/sfn/machine.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct sfn_db;

struct map_items {
    int64_t run;
    char *row;     /* the row that is held; NULL: none */
    int64_t first; /* index of its first item */
    int64_t count; /* items in it */
    int64_t at;    /* index of the item that `place` points to */
    char *place;
};

/* The item; new reference. NULL with err. Items are asked for in ascending order as a rule. */
json_t *map_items_get(struct map_items *items, struct sfn_db *db, int64_t index, struct error *err);
void map_items_close(struct map_items *items);

/* Takes an object's text apart into lines appended to `out`: at most `most` items. Answers how many
 * there are, or -1 with a sentence (ERR_ARGUMENT: the text is not what it should be). */
int64_t map_items_split(const struct machine_reader *reader, const char *text, size_t len,
                        int64_t most, struct buf *out, struct error *err);
/* The same for CSV (map_csv.c). */
int64_t map_csv_split(const struct machine_reader *reader, const char *text, size_t len,
                      int64_t most, struct buf *out, struct error *err);
/* Appends one item's line. */
int map_items_add(struct buf *out, const json_t *item, struct error *err);

#endif
