/* refresh: a client's credentials, kept fresh. Private to lib/aws.
 *
 * A struct refresh belongs to its client's thread; all functions are that thread's. The first fetch
 * waits, later ones run in a thread of their own (at most one at a time), because a source may take
 * seconds and the client's calls must go on meanwhile. The fetched credentials are handed over when
 * that thread is joined, so nothing is shared but two flags.
 *
 * Times: from 15 minutes before expiry on new ones are fetched, with nobody waiting; from 10
 * minutes before it calls wait for that fetch, unless the last one failed; calls fail only after
 * expiry. Of credentials that live less than 45 minutes it is the last third, and two thirds of
 * that. Credentials that come expired (instance metadata hand them out in an outage, or our clock
 * is wrong) are used all the same: the service has the last word. */
#ifndef STEPFLEET_AWS_REFRESH_H
#define STEPFLEET_AWS_REFRESH_H

#include "lib/aws/credentials.h"

#include <pthread.h>

struct refresh {
    struct credentials current;
    int age;                    /* how often they were replaced */
    struct aws_options options; /* for the chain; borrowed but for the endpoint */
    char *endpoint;
    const struct clock *clock;
    bool fixed;         /* by options: asking again gives nothing new */
    bool overdue;       /* the current ones came expired and are used all the same */
    int64_t advisory;   /* wall times, by the service's clock */
    int64_t mandatory;  /* of current */
    int64_t not_before; /* monotonic: no fetch of our own accord until then */
    int64_t forced_at;  /* monotonic: when a service's refusal last made us fetch; 0: never */
    bool failed;        /* the last fetch */
    struct error why;   /* it failed */

    /* The fetch under way. */
    bool running;
    pthread_t thread;
    atomic_bool done;
    atomic_bool stop;
    struct credentials fetched;
    struct error fetch_error;
    int fetch_rc;
};

/* Fetches, waiting. `options` has the client's region; its texts must live as long. -1: nothing to
 * close. */
int refresh_open(struct refresh *r, const struct aws_options *options, struct error *err);
/* Ends a fetch under way, which takes a moment, and wipes all. */
void refresh_close(struct refresh *r);

enum refresh_state { REFRESH_READY, REFRESH_WAIT, REFRESH_FAILED };
/* Whether a request may be signed with r->current now; starts and ends fetches. `wall` is the time
 * by the service's clock; `refused`: the request was, with these very credentials, and waits for a
 * fetch under way. FAILED (they have expired and no others are to be had) fills err. */
enum refresh_state refresh_check(struct refresh *r, int64_t wall, bool refused, struct error *err);

/* The service's clock turned out to be another than was thought: expiry is reckoned anew. */
void refresh_clock_set(struct refresh *r, int64_t wall);

/* A service has refused the credentials. True: others are here or are being fetched, try again
 * (after refresh_check). */
bool refresh_force(struct refresh *r, int64_t wall);

#endif
