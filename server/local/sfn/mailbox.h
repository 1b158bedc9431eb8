/* mailbox: how other threads tell the engine something.
 *
 * A message is embedded in the object it is about, so that posting cannot fail. The mailbox lives
 * until the engine and the last call under way have let go of it: an answer that comes after the
 * engine was closed finds a closed mailbox and is dropped. Any thread posts, one thread takes.
 * Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_MAILBOX_H
#define STEPFLEET_SFN_MAILBOX_H

#include "lib/base/error.h"

#include <stdint.h>

struct engine;

struct message {
    struct message *next;
    /* On the engine's thread. Whoever is called owns the message. */
    void (*deliver)(struct engine *e, struct message *m);
    /* Instead of deliver, when the engine has closed: gives it up; on any thread. */
    void (*drop)(struct message *m);
};

struct mailbox;

/* An open mailbox with one reference. NULL with err. */
struct mailbox *mailbox_new(struct error *err);
/* One more reference; returns b. Any thread. */
struct mailbox *mailbox_hold(struct mailbox *b);
struct mailbox *mailbox_release(struct mailbox *b); /* NULL-safe; returns NULL */

/* Appends a message, or drops it at once when the mailbox is shut. Any thread. */
void mailbox_post(struct mailbox *b, struct message *m);
/* All messages in the order they were posted, linked by next; waits at most `wait` microseconds
 * (0: does not wait) for the first. NULL: none came. */
struct message *mailbox_take(struct mailbox *b, int64_t wait);
/* Makes a waiting mailbox_take return. */
void mailbox_wake(struct mailbox *b);
/* From now on messages are dropped, those that are waiting too. */
void mailbox_shut(struct mailbox *b);

#endif
