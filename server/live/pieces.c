#include "server/live/pieces.h"

#include <stdlib.h>
#include <string.h>

/* Clients that are further behind read the store. */
enum { PIECES_BYTES_MAX = 4 * 1024 * 1024 };

struct piece *piece_new(int64_t run_id, int64_t version, const char *text, size_t len)
{
    struct piece *p = malloc(sizeof *p + len);
    if (!p)
        return NULL;
    *p = (struct piece){.owners = 1, .run_id = run_id, .version = version, .len = len};
    memcpy(p->text, text, len);
    return p;
}

struct piece *piece_hold(struct piece *p)
{
    p->owners++;
    return p;
}

void piece_drop(struct piece *p)
{
    if (p && --p->owners == 0)
        free(p);
}

/* The list lets go of one; those behind it move up. */
static void take_out(struct pieces *list, size_t at)
{
    list->bytes -= list->items[at]->len;
    piece_drop(list->items[at]);
    list->count--;
    memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof(struct piece *));
}

static void take_out_run(struct pieces *list, int64_t run_id)
{
    for (size_t i = list->count; i-- > 0;)
        if (list->items[i]->run_id == run_id)
            take_out(list, i);
}

void pieces_put(struct pieces *list, struct piece *p)
{
    take_out_run(list, p->run_id);
    while (list->count == PIECES_MAX ||
           (list->count > 0 && list->bytes + p->len > PIECES_BYTES_MAX)) {
        list->floor = list->items[0]->version;
        take_out(list, 0);
    }
    list->items[list->count++] = p;
    list->bytes += p->len;
}

/* From the newest back: most clients have seen nearly all. */
struct piece *pieces_after(const struct pieces *list, int64_t version, int64_t run_id)
{
    struct piece *found = NULL;
    for (size_t i = list->count; i-- > 0 && list->items[i]->version > version;)
        if (!run_id || list->items[i]->run_id == run_id)
            found = list->items[i];
    return found;
}

void pieces_clear(struct pieces *list, int64_t floor)
{
    while (list->count > 0)
        take_out(list, list->count - 1);
    list->floor = floor;
}
