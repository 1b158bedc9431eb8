/* The manager thread: starts and ends environments, and keeps the hours.
 *
 * It holds the lock except in the three steps that take time: freeing (waits for a server's
 * thread), starting (waits for the process host) and telling an outcome (runs a caller's code). A
 * step that let go of the lock returns true, and the loop looks at everything anew, because nothing
 * seen before holds any longer. */
#include "lib/json/json_write.h"
#include "server/local/lambda/lambda_private.h"

#include <stdint.h>
#include <time.h>

/* Any one will do: the next round finds the next. */
static struct lambda_environment *find_gone(const struct local_lambda *l)
{
    for (const struct lambda_function *f = l->functions; f; f = f->next)
        for (struct lambda_environment *v = f->environments; v; v = v->next)
            if (v->gone)
                return v;
    return NULL;
}

/* Closing waits for this to become false: the process host calls back into environments until they
 * are gone. */
static bool any_environment(const struct local_lambda *l)
{
    for (const struct lambda_function *f = l->functions; f; f = f->next)
        if (f->environments)
            return true;
    return false;
}

/* Frees one that is gone. True: the lock was left meanwhile, look again. */
static bool reclaim_one(struct local_lambda *l)
{
    struct lambda_environment *v = find_gone(l);
    if (!v)
        return false;
    lambda_environment_remove_locked(v);
    (void)pthread_mutex_unlock(&l->lock);
    lambda_environment_free(v);
    (void)pthread_mutex_lock(&l->lock);
    return true;
}

/* Starts one environment where too many wait. True: the lock was left meanwhile. */
static bool start_one(struct local_lambda *l)
{
    struct lambda_function *f = l->functions;
    while (f && !lambda_wants_environment_locked(f))
        f = f->next;
    struct lambda_environment *v = f && !l->stopping ? lambda_environment_add_locked(f) : NULL;
    if (!v)
        return false;
    (void)pthread_mutex_unlock(&l->lock);
    lambda_environment_start(v);
    (void)pthread_mutex_lock(&l->lock);
    return true;
}

/* --- hours -------------------------------------------------------------------------------------*/

/* Some dozen environments at most: no heap is needed. */
static struct lambda_environment *earliest_due(const struct local_lambda *l)
{
    struct lambda_environment *first = NULL;
    for (const struct lambda_function *f = l->functions; f; f = f->next)
        for (struct lambda_environment *v = f->environments; v; v = v->next)
            if (v->due && (!first || v->due < first->due))
                first = v;
    return first;
}

/* In the words of Lambda. Told as the outcome once the process has ended, which the kill brings
 * about. */
static void note_init_timeout(struct lambda_environment *v, const char *when)
{
    struct json_writer w;
    if (v->init_error.len) /* it has told why itself and then did not end */
        return;
    jw_init(&w, &v->init_error);
    jw_object(&w, NULL);
    jw_str(&w, "errorType", "Sandbox.Timedout");
    buf_addf(&v->init_error, ",\"errorMessage\":\"%s Init timed out after %d.00 seconds\"", when,
             LAMBDA_INIT_SECONDS);
    jw_end_object(&w);
}

/* The hour of one environment has come: its init, its event or its idling has lasted too long. */
static bool expire_one(struct local_lambda *l)
{
    char when[CLOCK_TEXT_MAX];
    struct lambda_environment *v = earliest_due(l);
    if (!v || v->due > clock_mono(l->clock))
        return false;
    (void)clock_rfc3339(clock_wall(l->clock), when);
    struct lambda_invocation *i = v->invocation;
    int seconds = v->function->timeout_seconds;
    if (v->state == LAMBDA_STARTING)
        note_init_timeout(v, when);
    v->invocation = NULL;
    lambda_environment_kill_locked(v);
    if (!i)
        return true;
    (void)pthread_mutex_unlock(&l->lock);
    lambda_finish_failed(i, "Sandbox.Timedout", "%s %s Task timed out after %d.00 seconds", when,
                         i->id, seconds);
    (void)pthread_mutex_lock(&l->lock);
    return true;
}

/* Until a signal or the earliest hour. A timed wait needs the system's own clock, while the hours
 * are by the options' clock: only their difference is carried over. */
static void wait_for_event(struct local_lambda *l)
{
    const struct lambda_environment *v = earliest_due(l);
    if (!v) {
        (void)pthread_cond_wait(&l->wake, &l->lock);
        return;
    }
    int64_t wait = v->due - clock_mono(l->clock);
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t at = until.tv_sec * CLOCK_SECOND + until.tv_nsec / 1000 + (wait > 0 ? wait : 0);
    until.tv_sec = at / CLOCK_SECOND;
    until.tv_nsec = at % CLOCK_SECOND * 1000;
    (void)pthread_cond_timedwait(&l->wake, &l->lock, &until);
}

/* Ended environments first, for they make room; then hours; then what is to be started. */
void *lambda_manager_main(void *ctx)
{
    struct local_lambda *l = ctx;
    (void)pthread_mutex_lock(&l->lock);
    while (!l->stopping || any_environment(l))
        if (!reclaim_one(l) && !expire_one(l) && !start_one(l))
            wait_for_event(l);
    (void)pthread_mutex_unlock(&l->lock);
    return NULL;
}
