/* The hub's thread: woken by changes, it brings what the clients have not got, at most once an
 * interval. */
#include "server/live/live_private.h"

#include <stdlib.h>
#include <time.h>

enum {
    MAX_CLIENTS = 2000,
    CHANGES_PAGE = 64, /* runs read at a time */
    INTERVAL_MS = 200,
    HEARTBEAT_SECONDS = 15,
    PATIENCE_SECONDS = 10,
    SAMPLE_SECONDS = 30,
};

/* One page of changes on its way into the hub. */
struct changes {
    struct live *live;
    bool wanted; /* there are clients: texts are needed */
    bool failed;
    struct piece *pieces[CHANGES_PAGE];
    size_t count;
    int64_t last;
};

static void take_change(void *ctx, const struct store_run *run)
{
    struct changes *c = ctx;
    struct buf text;
    c->last = run->version;
    numbers_note(c->live, run);
    if (!c->wanted)
        return;
    buf_init(&text, BUF_MAX_PAGE);
    feed_add_run(&text, c->live, run);
    struct piece *piece =
        buf_check(&text, NULL) ? NULL : piece_new(run->id, run->version, buf_str(&text), text.len);
    buf_free(&text);
    if (piece)
        c->pieces[c->count++] = piece;
    else
        c->failed = true;
}

/* Without clients, or when a text could not be made, the list begins anew behind the change: who is
 * before it reads the store. */
static void publish(struct live *l, struct changes *c)
{
    (void)pthread_mutex_lock(&l->lock);
    const int64_t before = l->version;
    l->version = c->last;
    for (size_t i = 0; i < c->count; i++)
        pieces_put(&l->pieces, c->pieces[i]);
    if (c->failed || !c->wanted)
        pieces_clear(&l->pieces, c->last);
    clients_wake(l, before);
    (void)pthread_mutex_unlock(&l->lock);
}

/* What changed since the hub last looked. A failure is told, and tried again with the next change
 * or look. */
static bool bring_changes(struct live *l)
{
    struct error err = {0};
    bool more = true;
    while (more) {
        (void)pthread_mutex_lock(&l->lock);
        struct changes c = {.live = l, .wanted = l->clients != NULL, .last = l->version};
        (void)pthread_mutex_unlock(&l->lock);
        const int64_t from = c.last;
        if (store_run_changes(l->options.store, from, CHANGES_PAGE, take_change, &c, &more, &err)) {
            log_warn(l->options.log, "the changes could not be read",
                     LOG_STR("error", err.message));
            for (size_t i = 0; i < c.count; i++)
                piece_drop(c.pieces[i]);
            return false;
        }
        if (c.last > from)
            publish(l, &c);
    }
    return true;
}

/* Until there is a change, it is `until`, or the hub ends; false then. */
static bool wait_for_change(struct live *l, int64_t until, bool *changed)
{
    const struct timespec at = {until / CLOCK_SECOND, until % CLOCK_SECOND * 1000};
    int rc = 0;
    (void)pthread_mutex_lock(&l->signal);
    while (!l->stopping && !l->changed && rc == 0)
        rc = pthread_cond_timedwait(&l->signalled, &l->signal, &at);
    *changed = l->changed;
    const bool going = !l->stopping;
    (void)pthread_mutex_unlock(&l->signal);
    return going;
}

/* Changes that come before `until` are left for the next look: this is what makes many of them one.
 */
static bool wait_until(struct live *l, int64_t until)
{
    const struct timespec at = {until / CLOCK_SECOND, until % CLOCK_SECOND * 1000};
    int rc = 0;
    (void)pthread_mutex_lock(&l->signal);
    while (!l->stopping && rc == 0)
        rc = pthread_cond_timedwait(&l->signalled, &l->signal, &at);
    l->changed = false;
    const bool going = !l->stopping;
    (void)pthread_mutex_unlock(&l->signal);
    return going;
}

/* The times that the hub keeps are short in tests. */
static int64_t look_interval(const struct live_options *o)
{
    int64_t shortest = 2 * CLOCK_SECOND;
    const int64_t times[] = {o->heartbeat, o->patience, o->sample};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i] < shortest)
            shortest = times[i];
    return shortest / 2;
}

static void *run_hub(void *arg)
{
    struct live *l = arg;
    const struct clock *clock = l->options.clock;
    int64_t brought_at = 0;
    int64_t look_at = 0;
    bool changed = true; /* what was written before we listened */
    bool failed = false;
    do {
        if (changed || failed) {
            if (!wait_until(l, brought_at + l->options.interval))
                break;
            failed = !bring_changes(l);
            brought_at = clock_mono(clock);
        }
        const int64_t now = clock_mono(clock);
        if (now >= look_at) {
            clients_look_after(l, now);
            numbers_refresh(l, now);
            look_at = now + look_interval(&l->options);
        }
    } while (wait_for_change(l, look_at, &changed));
    return NULL;
}

/* On the store's writer: short, and never under the lock that the hub works with. */
static void note_change(void *live)
{
    struct live *l = live;
    (void)pthread_mutex_lock(&l->signal);
    l->changed = true;
    (void)pthread_cond_signal(&l->signalled);
    (void)pthread_mutex_unlock(&l->signal);
}

static void fill_defaults(struct live_options *o)
{
    if (!o->max_clients)
        o->max_clients = MAX_CLIENTS;
    if (!o->interval)
        o->interval = INTERVAL_MS * CLOCK_MS;
    if (!o->heartbeat)
        o->heartbeat = HEARTBEAT_SECONDS * CLOCK_SECOND;
    if (!o->patience)
        o->patience = PATIENCE_SECONDS * CLOCK_SECOND;
    if (!o->sample)
        o->sample = SAMPLE_SECONDS * CLOCK_SECOND;
}

/* Waits are measured on the monotonic clock, as all times of the hub are. */
static int init_signal(struct live *l)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic))
        return -1;
    const int rc = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) ||
                   pthread_cond_init(&l->signalled, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return rc ? -1 : 0;
}

static int start(struct live *l, struct error *err)
{
    if (pthread_mutex_init(&l->lock, NULL))
        goto failed;
    if (pthread_mutex_init(&l->signal, NULL))
        goto destroy_lock;
    if (init_signal(l))
        goto destroy_signal;
    if (pthread_create(&l->thread, NULL, run_hub, l))
        goto destroy_signalled;
    store_on_change(l->options.store, note_change, l);
    return 0;
destroy_signalled:
    (void)pthread_cond_destroy(&l->signalled);
destroy_signal:
    (void)pthread_mutex_destroy(&l->signal);
destroy_lock:
    (void)pthread_mutex_destroy(&l->lock);
failed:
    return err_set(err, ERR_SYSTEM, "cannot start the thread that follows the store's changes");
}

struct live *live_open(const struct live_options *options, struct error *err)
{
    struct live *l = calloc(1, sizeof *l);
    if (!l) {
        err_set(err, ERR_MEMORY, "out of memory for the live hub");
        return NULL;
    }
    l->options = *options;
    fill_defaults(&l->options);
    l->opened_wall = clock_wall(l->options.clock);
    if (store_version(l->options.store, &l->version, err))
        goto free_live;
    l->pieces.floor = l->version;
    l->sampler.last_wall = l->opened_wall;
    if (start(l, err) == 0)
        return l;
free_live:
    free(l);
    return NULL;
}

/* The store lets go of us first; then nobody else knows the hub. */
struct live *live_close(struct live *l)
{
    if (!l)
        return NULL;
    store_on_change(l->options.store, NULL, NULL);
    (void)pthread_mutex_lock(&l->signal);
    l->stopping = true;
    (void)pthread_cond_signal(&l->signalled);
    (void)pthread_mutex_unlock(&l->signal);
    (void)pthread_join(l->thread, NULL);
    pieces_clear(&l->pieces, 0);
    (void)pthread_cond_destroy(&l->signalled);
    (void)pthread_mutex_destroy(&l->signal);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}
