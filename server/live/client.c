/* A client's side of the feed: what it is given next, and when it is woken or dropped. */
#include "server/live/live_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE_RUNS = 32,    /* read from the store at a time by a client that is far behind */
    RETRY_MS = 2000,   /* how long a browser waits before it comes again */
    GREETING_MAX = 64, /* bytes */
};

/* Runs read from the store for one client. */
struct page {
    const struct live *live;
    struct buf text;
    int64_t after; /* older ones are left out */
    int64_t last;
};

static void add_to_page(void *ctx, const struct store_run *run)
{
    struct page *page = ctx;
    if (run->version > page->after)
        feed_add_run(&page->text, page->live, run);
    page->last = run->version;
}

/* A page from the store, for a client whose place is before what the hub still has. What the hub
 * knew before the store was asked is in the page or does not concern the client. -1: it must come
 * again. */
static int read_store(struct client *c, int64_t known)
{
    struct error err = {0};
    struct store *store = c->live->options.store;
    struct page page = {.live = c->live, .after = c->position, .last = c->position};
    bool more = false;
    buf_init(&page.text, BUF_MAX_PAGE);
    int rc = c->run_id ? store_run_get(store, c->run_id, add_to_page, &page, &err)
                       : store_run_changes(store, c->position, PAGE_RUNS, add_to_page, &page, &more,
                                           &err);
    if (!rc)
        rc = buf_check(&page.text, &err);
    if (!rc && page.text.len > 0) {
        c->piece = piece_new(c->run_id, page.last, page.text.data, page.text.len);
        c->sent = 0;
        rc = c->piece ? 0 : err_set(&err, ERR_MEMORY, "out of memory for a feed");
    }
    if (rc)
        log_warn(c->live->options.log, "a feed could not be read and ends",
                 LOG_STR("error", err.message));
    buf_free(&page.text);
    c->position = page.last > c->position ? page.last : c->position;
    if (!more && known > c->position)
        c->position = known;
    return rc;
}

/* The lock is held. *behind tells that the store has to be asked. */
static struct piece *next_piece(struct client *c, bool *behind)
{
    struct live *l = c->live;
    struct piece *piece = NULL;
    *behind = c->position < l->pieces.floor;
    if (c->beat && !*behind) {
        c->beat = false;
        return piece_new(0, c->position, ":\n\n", 3);
    }
    if (!*behind)
        piece = pieces_after(&l->pieces, c->position, c->run_id);
    if (piece)
        c->position = piece->version;
    else if (!*behind && l->version > c->position)
        c->position = l->version;
    return piece ? piece_hold(piece) : NULL;
}

/* Makes sure that c->piece has something to send. 1: it has; 0: there is nothing; -1. */
static int fill(struct client *c, bool sleep)
{
    struct live *l = c->live;
    bool behind = false;
    if (c->piece && c->sent < c->piece->len)
        return 1;
    (void)pthread_mutex_lock(&l->lock);
    piece_drop(c->piece);
    c->sent = 0;
    c->piece = next_piece(c, &behind);
    const int64_t known = l->version;
    c->waiting = !c->piece && !behind && sleep;
    (void)pthread_mutex_unlock(&l->lock);
    if (behind)
        return read_store(c, known) ? -1 : c->piece ? 1 : fill(c, sleep);
    return c->piece ? 1 : 0;
}

static size_t take(struct client *c, char *out, size_t size)
{
    size_t n = c->piece->len - c->sent;
    if (n > size)
        n = size;
    memcpy(out, c->piece->text + c->sent, n);
    c->sent += n;
    return n;
}

static void note_read(struct client *c, size_t wrote)
{
    const int64_t now = clock_mono(c->live->options.clock);
    (void)pthread_mutex_lock(&c->live->lock);
    c->read_at = now;
    if (wrote)
        c->wrote_at = now;
    (void)pthread_mutex_unlock(&c->live->lock);
}

/* As much as fits, so that a burst is one write. */
static ssize_t client_read(void *client, char *out, size_t size)
{
    struct client *c = client;
    size_t n = 0;
    int rc = 1;
    while (n < size && (rc = fill(c, n == 0)) == 1)
        n += take(c, out + n, size - n);
    note_read(c, n);
    if (n > 0)
        return (ssize_t)n;
    return rc < 0 ? HTTP_STREAM_END : HTTP_STREAM_WAIT;
}

static void client_closed(void *client)
{
    struct client *c = client;
    struct live *l = c->live;
    (void)pthread_mutex_lock(&l->lock);
    *(c->prev ? &c->prev->next : &l->clients) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    l->numbers.clients--;
    piece_drop(c->piece);
    (void)pthread_mutex_unlock(&l->lock);
    free(c);
}

/* The lock is held. */
static void link_client(struct live *l, struct client *c)
{
    c->next = l->clients;
    if (c->next)
        c->next->prev = c;
    l->clients = c;
    l->numbers.clients++;
}

/* A feed of all runs begins with its place, so that a browser whose connection breaks before the
 * first event still comes back to it. */
static struct piece *greeting(const struct client *c)
{
    struct buf text;
    buf_init(&text, GREETING_MAX);
    buf_addf(&text, "retry: %d\n", RETRY_MS);
    if (!c->run_id)
        buf_addf(&text, "id: %" PRId64 "\n", c->position);
    buf_addc(&text, '\n');
    struct piece *piece =
        buf_check(&text, NULL) ? NULL : piece_new(0, c->position, buf_str(&text), text.len);
    buf_free(&text);
    return piece;
}

/* Where the feed begins. A place that is ahead of the store belongs to a store that is gone: all is
 * told from the beginning. */
static int find_place(struct live *l, struct client *c, int64_t after, struct error *err)
{
    int64_t newest = 0;
    if (after > 0 && store_version(l->options.store, &newest, err))
        return -1;
    c->position = after >= 0 && after <= newest ? after : 0;
    if (after < 0 && !c->run_id) {
        (void)pthread_mutex_lock(&l->lock);
        c->position = l->version;
        (void)pthread_mutex_unlock(&l->lock);
    }
    return 0;
}

/* Among the clients from here on; -1 when there are too many. */
static int enter(struct live *l, struct client *c, struct error *err)
{
    (void)pthread_mutex_lock(&l->lock);
    const bool room = l->numbers.clients < l->options.max_clients;
    if (room)
        link_client(l, c);
    (void)pthread_mutex_unlock(&l->lock);
    return room ? 0
                : err_set(err, ERR_BUSY,
                          "%u pages follow already: try again, or ask for the runs again and again",
                          l->options.max_clients);
}

int live_serve(struct live *l, struct http_exchange *x, int64_t run_id, int64_t after,
               struct error *err)
{
    const int64_t now = clock_mono(l->options.clock);
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_MEMORY, "out of memory for a feed");
    *c = (struct client){
        .live = l, .exchange = x, .run_id = run_id, .read_at = now, .wrote_at = now};
    if (find_place(l, c, after, err))
        goto free_client;
    c->piece = greeting(c);
    if (!c->piece) {
        err_set(err, ERR_MEMORY, "out of memory for a feed");
        goto free_client;
    }
    if (enter(l, c, err))
        goto free_client;
    const struct http_stream_source source = {
        .read = client_read, .closed = client_closed, .ctx = c, .endless = true};
    http_add_header(x, "Cache-Control", "no-store");
    http_add_header(x, "X-Accel-Buffering", "no"); /* proxies are to pass events on at once */
    http_reply_stream(x, 200, "text/event-stream", &source);
    return 0;
free_client:
    piece_drop(c->piece);
    free(c);
    return -1;
}

void clients_wake(struct live *l, int64_t before)
{
    for (struct client *c = l->clients; c; c = c->next) {
        if (!c->waiting)
            continue;
        if (!c->run_id || c->position < l->pieces.floor ||
            pieces_after(&l->pieces, before, c->run_id))
            http_stream_wake(c->exchange);
        else
            c->position = l->version;
    }
}

/* Ending a stream does not remove its client here: its connection's thread does, a moment later. */
void clients_look_after(struct live *l, int64_t now)
{
    (void)pthread_mutex_lock(&l->lock);
    for (struct client *c = l->clients; c; c = c->next) {
        const bool lost =
            c->waiting ? http_stream_gone(c->exchange) : now - c->read_at > l->options.patience;
        if (lost) {
            http_stream_end(c->exchange);
        } else if (c->waiting && now - c->wrote_at >= l->options.heartbeat) {
            c->beat = true;
            http_stream_wake(c->exchange);
        }
    }
    (void)pthread_mutex_unlock(&l->lock);
}
