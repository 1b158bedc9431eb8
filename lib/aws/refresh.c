/* One thread a fetch: fetches are minutes apart, so that a thread that waits for them would only be
 * one more thing to wake and to end. */
#include "lib/aws/refresh.h"

#include "lib/aws/source.h"
#include "lib/base/clock.h"
#include "lib/crypto/crypto.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MINUTES(n) ((n)*60 * CLOCK_SECOND)
#define ADVISORY MINUTES(15)
#define RETRY_PAUSE MINUTES(1)
#define EXPIRED_PAUSE (10 * CLOCK_SECOND) /* calls are failing meanwhile */
#define FORCE_PAUSE (5 * CLOCK_SECOND)

/* What is left of their life decides, not how long they were good for: a source may hand out the
 * same ones again. */
static void schedule(struct refresh *r, int64_t wall, int64_t mono)
{
    int64_t left = r->current.expires - wall;
    int64_t ahead = left / 3 < ADVISORY ? left / 3 : ADVISORY;
    r->failed = false;
    r->overdue = r->current.expires && left <= 0;
    r->advisory = r->current.expires - ahead;
    r->mandatory = r->current.expires - ahead * 2 / 3;
    r->not_before = mono;
    if (!r->overdue)
        return;
    /* Source: AWS SDKs' "static stability": try again in 15 minutes and some, not all at once. */
    r->not_before += MINUTES(17) + (int64_t)(crypto_random_unit() * (double)MINUTES(8));
    log_warn(r->options.log, "AWS credentials came expired; using them all the same",
             LOG_STR("source", r->current.source));
}

void refresh_clock_set(struct refresh *r, int64_t wall)
{
    if (r->current.expires)
        schedule(r, wall, clock_mono(r->clock));
}

int refresh_open(struct refresh *r, const struct aws_options *options, struct error *err)
{
    *r = (struct refresh){.options = *options};
    r->clock = options->clock ? options->clock : clock_system();
    r->fixed = options->access_key_id || options->secret_access_key;
    atomic_init(&r->done, false);
    atomic_init(&r->stop, false);
    if (credentials_fetch(options, &r->current, err))
        return -1;
    r->options.access_key_id = r->options.secret_access_key = r->options.session_token = NULL;
    r->options.interrupted = NULL; /* later fetches have `stop` */
    r->endpoint = options->endpoint ? strdup(options->endpoint) : NULL;
    r->options.endpoint = r->endpoint;
    schedule(r, clock_wall(r->clock), clock_mono(r->clock));
    if (r->endpoint || !options->endpoint)
        return 0;
    refresh_close(r);
    return err_set(err, ERR_MEMORY, "out of memory for the AWS client");
}

void refresh_close(struct refresh *r)
{
    if (r->running) {
        atomic_store(&r->stop, true);
        (void)pthread_join(r->thread, NULL);
        credentials_close(&r->fetched);
    }
    r->running = false;
    credentials_close(&r->current);
    free(r->endpoint);
    r->endpoint = NULL;
}

/* The thread: it owns what the fetch_ members and `fetched` hold until it is joined. */
static void *fetch_main(void *ctx)
{
    struct refresh *r = ctx;
    r->fetch_rc = credentials_fetch_until(&r->options, &r->stop, &r->fetched, &r->fetch_error);
    atomic_store(&r->done, true);
    return NULL;
}

/* Signals are the program's threads' business. */
static void start(struct refresh *r)
{
    sigset_t all;
    sigset_t before;
    atomic_store(&r->done, false);
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    r->running = pthread_create(&r->thread, NULL, fetch_main, r) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r->running)
        return;
    r->failed = true;
    r->not_before = clock_mono(r->clock) + RETRY_PAUSE;
    err_set(&r->why, ERR_SYSTEM, "AWS credentials: cannot start a thread to fetch new ones");
}

/* Puts new ones in place of the current. True if they are others. */
static bool replace(struct refresh *r, struct credentials *fresh)
{
    bool same = credentials_equal(fresh, &r->current);
    credentials_close(&r->current);
    r->current = *fresh;
    *fresh = (struct credentials){0};
    r->age += !same;
    return !same;
}

static void note_failure(struct refresh *r, int64_t wall, int64_t mono)
{
    r->failed = true;
    r->why = r->fetch_error;
    r->not_before = mono + (wall < r->current.expires ? RETRY_PAUSE : EXPIRED_PAUSE);
    log_warn(r->options.log, "AWS credentials could not be refreshed",
             LOG_STR("source", r->current.source), LOG_STR("error", r->why.message));
}

/* Takes over what a fetch that has ended brought. */
static void collect(struct refresh *r, int64_t wall, int64_t mono)
{
    if (!r->running || !atomic_load(&r->done))
        return;
    (void)pthread_join(r->thread, NULL);
    r->running = false;
    if (r->fetch_rc) {
        note_failure(r, wall, mono);
        return;
    }
    (void)replace(r, &r->fetched);
    schedule(r, wall, mono);
    log_debug(r->options.log, "AWS credentials refreshed", LOG_STR("source", r->current.source),
              LOG_INT("seconds_left",
                      r->current.expires ? (r->current.expires - wall) / CLOCK_SECOND : 0));
}

enum refresh_state refresh_check(struct refresh *r, int64_t wall, bool refused, struct error *err)
{
    if (r->fixed || (!r->current.expires && !r->running))
        return REFRESH_READY;
    int64_t mono = clock_mono(r->clock);
    collect(r, wall, mono);
    bool expires = r->current.expires != 0;
    if (!r->running && expires && wall >= r->advisory && mono >= r->not_before)
        start(r);
    bool expired = expires && wall >= r->current.expires && !r->overdue;
    bool urgent = expires && wall >= r->mandatory && !r->failed && !r->overdue;
    if (r->running && (refused || expired || urgent))
        return REFRESH_WAIT;
    if (!expired)
        return REFRESH_READY;
    if (err)
        *err = r->why;
    err_wrap(err, "the AWS credentials have expired and cannot be renewed");
    return REFRESH_FAILED;
}

/* The environment is at hand: no thread is needed to look at it. */
static bool look_again(struct refresh *r, int64_t wall, int64_t mono)
{
    const struct source_input in = {&r->options, NULL};
    struct credentials fresh = {0};
    if (source_environment(&in, &fresh, NULL) != FOUND)
        return false;
    fresh.source = r->current.source;
    bool changed = replace(r, &fresh);
    schedule(r, wall, mono);
    return changed;
}

/* A service that goes on refusing what the source goes on giving must not make us ask the source
 * all the time. */
bool refresh_force(struct refresh *r, int64_t wall)
{
    int64_t mono = clock_mono(r->clock);
    if (r->fixed)
        return false;
    if (strcmp(r->current.source, "environment") == 0)
        return look_again(r, wall, mono);
    int age = r->age;
    collect(r, wall, mono);
    if (r->age != age)
        return true;
    if (!r->running && r->forced_at && mono - r->forced_at < FORCE_PAUSE)
        return false;
    if (!r->running)
        start(r);
    r->forced_at = mono;
    return r->running;
}
