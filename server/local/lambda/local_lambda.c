/* The room's door: opening, closing, registering functions.
 *
 * Closing order matters: first nothing is taken any more, then every caller is told, then the
 * environments are killed, and last the manager is joined, which ends when the process host has
 * reported every exit. */
#include "server/local/lambda/local_lambda.h"

#include "server/local/call.h"
#include "server/local/folder.h"
#include "server/local/lambda/lambda_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONCURRENCY = 4, TIMEOUT_MAX = 900 };

static void function_free(struct lambda_function *f)
{
    if (!f)
        return;
    environment_free(&f->variables);
    free(f->program);
    free(f);
}

/* The manager has ended, or never began. */
static void free_all(struct local_lambda *l)
{
    while (l->functions) {
        struct lambda_function *f = l->functions;
        l->functions = f->next;
        function_free(f);
    }
    (void)pthread_mutex_destroy(&l->lock);
    (void)pthread_cond_destroy(&l->wake);
    free(l->dir);
    free(l->region);
    free(l->endpoint);
    free(l);
}

/* The manager waits for hours, which a change of the wall clock must not move. */
static void init_sync(struct local_lambda *l)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

struct local_lambda *local_lambda_open(const struct local_lambda_options *options,
                                       struct error *err)
{
    struct local_lambda *l = calloc(1, sizeof *l);
    if (!l) {
        (void)err_set(err, ERR_MEMORY, "out of memory for the local Lambda");
        return NULL;
    }
    init_sync(l);
    l->processes = options->processes;
    l->clock = options->clock;
    l->log = options->log;
    l->concurrency = options->concurrency > 0 ? options->concurrency : CONCURRENCY;
    l->dir = strdup(options->dir);
    l->region = strdup(options->region);
    if (!l->dir || !l->region) {
        (void)err_set(err, ERR_MEMORY, "out of memory for the local Lambda");
        goto fail;
    }
    if (local_folder_make(l->dir, err) != 0)
        goto fail;
    errno = pthread_create(&l->manager, NULL, lambda_manager_main, l);
    if (errno == 0)
        return l;
    (void)err_set_errno(err, "cannot start the Lambda thread");
fail:
    free_all(l);
    return NULL;
}

void local_lambda_set_endpoint(struct local_lambda *l, const char *endpoint_url)
{
    char *copy = strdup(endpoint_url);
    (void)pthread_mutex_lock(&l->lock);
    char *before = l->endpoint;
    l->endpoint = copy;
    (void)pthread_mutex_unlock(&l->lock);
    free(before);
}

/* All that waits or runs in a function, taken out as one list. */
static struct lambda_invocation *take_all_locked(struct lambda_function *f)
{
    struct lambda_invocation *all = NULL;
    struct lambda_invocation *i;
    for (struct lambda_environment *v = f->environments; v; v = v->next) {
        i = v->invocation;
        v->invocation = NULL;
        lambda_environment_kill_locked(v);
        if (i) {
            i->next = all;
            all = i;
        }
    }
    while ((i = lambda_take_locked(f)) != NULL) {
        i->next = all;
        all = i;
    }
    return all;
}

/* Not under the lock: `done` may call back. */
static void refuse_all(struct lambda_invocation *all)
{
    while (all) {
        struct lambda_invocation *i = all;
        all = i->next;
        lambda_finish_refused(i, 500, "ServiceException", "The server is stopping.");
    }
}

/* The manager goes on until the last environment has ended: the process host calls back until then.
 */
struct local_lambda *local_lambda_close(struct local_lambda *l)
{
    if (!l)
        return NULL;
    (void)pthread_mutex_lock(&l->lock);
    l->stopping = true; /* from here on nothing is queued, and functions stay as they are */
    (void)pthread_mutex_unlock(&l->lock);
    for (struct lambda_function *f = l->functions; f; f = f->next) {
        (void)pthread_mutex_lock(&l->lock);
        struct lambda_invocation *all = take_all_locked(f);
        (void)pthread_cond_signal(&l->wake);
        (void)pthread_mutex_unlock(&l->lock);
        refuse_all(all);
    }
    (void)pthread_cond_signal(&l->wake);
    (void)pthread_join(l->manager, NULL);
    free_all(l);
    return NULL;
}

/* --- registering -------------------------------------------------------------------------------*/

/* NULL when memory is out. The environment's variables are the function's own, besides the
 * runtime's. */
static struct lambda_function *function_new(struct local_lambda *l,
                                            const struct local_lambda_function *from)
{
    struct lambda_function *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->lambda = l;
    f->end = &f->first;
    f->timeout_seconds = from->timeout_seconds;
    f->registered_at = clock_wall(l->clock);
    f->program = strdup(from->program);
    (void)snprintf(f->name, sizeof f->name, "%s", from->name);
    (void)snprintf(f->arn, sizeof f->arn, "arn:aws:lambda:%s:" LOCAL_ACCOUNT ":function:%s",
                   l->region, from->name);
    for (size_t i = 0; from->environment && from->environment[i]; i++)
        environment_put(&f->variables, from->environment[i]);
    if (f->program && environment_check(&f->variables, NULL) == 0)
        return f;
    function_free(f);
    return NULL;
}

int local_lambda_register(struct local_lambda *l, const struct local_lambda_function *from,
                          struct error *err)
{
    if (!local_name_valid(from->name, LAMBDA_NAME_MAX))
        return err_set(err, ERR_ARGUMENT,
                       "'%.80s' is no name for a function: use 1 to %d letters, digits, - and _",
                       from->name, LAMBDA_NAME_MAX);
    if (from->timeout_seconds < 1 || from->timeout_seconds > TIMEOUT_MAX)
        return err_set(err, ERR_ARGUMENT, "function %s: the timeout must be 1 to %d seconds",
                       from->name, TIMEOUT_MAX);
    struct lambda_function *f = function_new(l, from);
    if (!f)
        return err_set(err, ERR_MEMORY, "out of memory for function %s", from->name);
    (void)pthread_mutex_lock(&l->lock);
    bool known = lambda_find_locked(l, from->name) != NULL;
    if (!known) {
        f->next = l->functions;
        l->functions = f;
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (!known)
        return 0;
    function_free(f);
    return err_set(err, ERR_CONFLICT, "function %s is registered already", from->name);
}
