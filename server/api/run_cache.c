/* Slots by the hash of the id, each with a lock of its own: two runs that fall into one slot take
 * turns, which costs them what they would cost without a cache. */
#include "server/api/run_cache.h"

#include "server/api/render.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT_BITS = 8, SLOTS = 1 << SLOT_BITS, BODY_MAX = 4000 };

struct slot {
    pthread_mutex_t lock; /* guards the rest */
    struct run_facts facts;
    size_t len;            /* 0: nothing is here */
    size_t before, behind; /* where the duration begins and ends; 0: there is none to renew */
    char text[BODY_MAX];
    struct http_kept *reply; /* made of the text; NULL: not yet */
    int64_t reply_at;        /* as of when; wall us */
};

struct run_cache {
    struct slot slots[SLOTS];
};

static struct slot *find_slot(struct run_cache *c, int64_t run_id)
{
    return &c->slots[((uint64_t)run_id * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - SLOT_BITS)];
}

struct run_cache *run_cache_open(struct error *err)
{
    struct run_cache *c = calloc(1, sizeof *c);
    for (size_t i = 0; c && i < SLOTS; i++) {
        if (pthread_mutex_init(&c->slots[i].lock, NULL)) {
            while (i > 0)
                (void)pthread_mutex_destroy(&c->slots[--i].lock);
            free(c);
            c = NULL;
        }
    }
    if (!c)
        err_set(err, ERR_MEMORY, "out of memory for the cache of runs");
    return c;
}

struct run_cache *run_cache_close(struct run_cache *c)
{
    for (size_t i = 0; c && i < SLOTS; i++) {
        http_kept_release(c->slots[i].reply);
        (void)pthread_mutex_destroy(&c->slots[i].lock);
    }
    free(c);
    return NULL;
}

/* The text with a duration up to now. The lock is held. */
static void write_body(const struct slot *s, int64_t now, struct buf *body)
{
    char duration[RENDER_DURATION_MAX];
    if (!s->facts.going_since) {
        buf_add(body, s->text, s->len);
        return;
    }
    const size_t len = render_duration(s->facts.going_since, now, duration);
    buf_add(body, s->text, s->before);
    buf_add(body, duration, len);
    buf_add(body, s->text + s->behind, s->len - s->behind);
}

/* The lock is held. */
static bool holds(const struct slot *s, const struct run_facts *facts)
{
    return s->len && s->facts.id == facts->id && s->facts.generation == facts->generation;
}

bool run_cache_get(struct run_cache *c, struct run_facts *facts, int64_t now, struct buf *body)
{
    if (!c)
        return false;
    struct slot *s = find_slot(c, facts->id);
    (void)pthread_mutex_lock(&s->lock);
    const bool found = holds(s, facts);
    if (found) {
        *facts = s->facts;
        write_body(s, now, body);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

/* The first such name is the run's own: within a text its quotes would be escaped. The lock is
 * held. */
static void find_duration(struct slot *s)
{
    static const char name[] = "\"durationSeconds\":";
    const char *at = memmem(s->text, s->len, name, sizeof name - 1);
    s->before = at ? (size_t)(at - s->text) + sizeof name - 1 : 0;
    s->behind = s->before;
    while (s->behind < s->len && s->text[s->behind] != ',')
        s->behind++;
}

/* What is read while a commit is under way may be of before or after it. */
void run_cache_put(struct run_cache *c, const struct run_facts *facts, const struct buf *body)
{
    if (!c || facts->generation % 2 || body->len > BODY_MAX)
        return;
    struct slot *s = find_slot(c, facts->id);
    (void)pthread_mutex_lock(&s->lock);
    s->facts = *facts;
    s->len = body->len;
    memcpy(s->text, body->data, body->len);
    find_duration(s);
    s->reply = http_kept_release(s->reply);
    (void)pthread_mutex_unlock(&s->lock);
}

/* Does it say the same then and now? A duration is told to the millisecond. The lock is held. */
static bool reply_holds(const struct slot *s, int64_t now)
{
    const int64_t since = s->facts.going_since;
    if (!s->reply || !since)
        return s->reply != NULL;
    return now >= since && s->reply_at >= since &&
           (now - since) / CLOCK_MS == (s->reply_at - since) / CLOCK_MS;
}

struct http_kept *run_cache_reply(struct run_cache *c, const struct run_facts *facts, int64_t now)
{
    struct http_kept *reply = NULL;
    if (!c)
        return NULL;
    struct slot *s = find_slot(c, facts->id);
    (void)pthread_mutex_lock(&s->lock);
    if (holds(s, facts) && reply_holds(s, now))
        reply = http_kept_hold(s->reply);
    (void)pthread_mutex_unlock(&s->lock);
    return reply;
}

/* Beside a text of another time it would outlive that. */
void run_cache_put_reply(struct run_cache *c, const struct run_facts *facts, int64_t now,
                         struct http_kept *reply)
{
    if (!c || !reply)
        return;
    struct slot *s = find_slot(c, facts->id);
    (void)pthread_mutex_lock(&s->lock);
    if (holds(s, facts)) {
        http_kept_release(s->reply);
        s->reply = http_kept_hold(reply);
        s->reply_at = now;
    }
    (void)pthread_mutex_unlock(&s->lock);
}
