/* pieces: the newest text of each run that changed lately, in order of change. Private to
 * server/live; the hub's lock guards it, owners included. */
#ifndef STEPFLEET_LIVE_PIECES_H
#define STEPFLEET_LIVE_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a feed, ready to be sent. */
struct piece {
    unsigned owners; /* the list, and clients that are sending it */
    int64_t run_id;
    int64_t version;
    size_t len;
    char text[];
};

enum { PIECES_MAX = 512 };

struct pieces {
    struct piece *items[PIECES_MAX]; /* oldest first */
    size_t count, bytes;
    int64_t floor; /* whatever changed after it is in the list */
};

/* Copies the text; one owner. NULL without memory. */
struct piece *piece_new(int64_t run_id, int64_t version, const char *text, size_t len);
/* One owner more; returns p. */
struct piece *piece_hold(struct piece *p);
/* One owner less; frees at the last. NULL-safe. */
void piece_drop(struct piece *p);

/* Takes over a piece that is newer than all others; an older one of the same run leaves, and so do
 * the oldest beyond the ceilings. */
void pieces_put(struct pieces *list, struct piece *p);
/* The oldest one after `version` of that run (0: of any), or NULL. Only right from `floor` on. */
struct piece *pieces_after(const struct pieces *list, int64_t version, int64_t run_id);
/* Empties the list: what changed up to `floor` is no longer there. */
void pieces_clear(struct pieces *list, int64_t floor);

#endif
