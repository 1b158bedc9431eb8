#include "server/live/pieces.h"

#include <stdlib.h>
#include <string.h>

/* Clients that are further behind read the store. */
enum { PIECES_MAX = 512, PIECES_BYTES_MAX = 4 * 1024 * 1024 };

struct piece *piece_new(int64_t run_id, int64_t version, const char *text, size_t len)
{
    struct piece *f = malloc(sizeof *f + len);
    if (!f)
        return NULL;
    *f = (struct piece){.owners = 1, .run_id = run_id, .version = version, .len = len};
    memcpy(f->text, text, len);
    return f;
}

struct piece *piece_hold(struct piece *f)
{
    f->owners++;
    return f;
}

void piece_drop(struct piece *f)
{
    if (f && --f->owners == 0)
        free(f);
}

static void take_out(struct pieces *list, struct piece *f)
{
    *(f->older ? &f->older->newer : &list->oldest) = f->newer;
    *(f->newer ? &f->newer->older : &list->newest) = f->older;
    list->count--;
    list->bytes -= f->len;
    piece_drop(f);
}

static struct piece *find_run(const struct pieces *list, int64_t run_id)
{
    struct piece *f = list->newest;
    while (f && f->run_id != run_id)
        f = f->older;
    return f;
}

void pieces_put(struct pieces *list, struct piece *f)
{
    struct piece *same = find_run(list, f->run_id);
    if (same)
        take_out(list, same);
    f->older = list->newest;
    f->newer = NULL;
    *(f->older ? &f->older->newer : &list->oldest) = f;
    list->newest = f;
    list->count++;
    list->bytes += f->len;
    while (list->count > PIECES_MAX || (list->bytes > PIECES_BYTES_MAX && list->count > 1)) {
        list->floor = list->oldest->version;
        take_out(list, list->oldest);
    }
}

/* From the newest back: most clients have seen nearly all. */
struct piece *pieces_after(const struct pieces *list, int64_t version, int64_t run_id)
{
    struct piece *found = NULL;
    for (struct piece *f = list->newest; f && f->version > version; f = f->older)
        if (!run_id || f->run_id == run_id)
            found = f;
    return found;
}

void pieces_clear(struct pieces *list, int64_t floor)
{
    while (list->oldest)
        take_out(list, list->oldest);
    list->floor = floor;
}
