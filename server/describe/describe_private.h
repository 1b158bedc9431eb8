/* describe_private: the room's own structs. Private to server/describe. */
#ifndef STEPFLEET_DESCRIBE_PRIVATE_H
#define STEPFLEET_DESCRIBE_PRIVATE_H

#include "lib/aws/ecs.h"
#include "server/describe/describe.h"
#include "server/loop/pace.h"
#include "server/loop/seen.h"
#include "server/loop/task_page.h"
#include "server/store/store.h"

/* How long ECS remembers a stopped task. */
#define DESCRIBE_MEMORY (3600 * CLOCK_SECOND)

/* Tasks beyond are not described: a run has 10,000, and some that nobody listed. */
enum { DESCRIBE_SEQ_MAX = 65536, DESCRIBE_ID_MAX = 40 };
/* So many tasks without a row are followed at a time. Those that get one make room for others, so
 * in the end they are the ones that hang. */
enum { DESCRIBE_ROWLESS_MAX = 300 };

/* One task of a run, at the place of its seq. */
struct subject {
    char id[DESCRIBE_ID_MAX]; /* "": it has none yet */
    bool waits;               /* neither row nor ECS has told of an id */
    bool rowless;             /* ECS has, no row yet */
    bool final;               /* its row is */
    unsigned looks;           /* since its row moved */
    int64_t due;              /* LOOP_NEVER: nothing is wanted */
    uint64_t said;            /* hash of what was kept; 0: nothing */
};

/* ListTasks over a run, page by page, for the tasks that no row names. */
struct strangers {
    struct task_page page; /* its ARNs without those that are known */
    struct seen known;     /* ids, as of the beginning of the pass */
    int64_t due;           /* the next call */
    int64_t began;         /* the pass; 0: none is going on */
    int failures;          /* in a row */
    bool off;              /* refused for good */
};

struct subjects {
    struct describe *room;
    struct subjects *next;
    int64_t run_id;
    char *cluster;
    struct subject *list; /* by seq */
    size_t count;
    size_t waiting, rowless; /* of the list */
    struct strangers strangers;
    struct store_task_place place; /* changes of tasks were read up to it */
    bool moved;
    int64_t read_at;    /* not before that time */
    int64_t due;        /* the earliest of the list's, or before it */
    int64_t until;      /* closed: it is let go at that time; LOOP_NEVER: it goes on */
    int64_t failures;   /* of calls, in a row */
    int64_t not_before; /* the next call */
    bool out_of_memory; /* while changes are read */
};

struct describe {
    const struct loop *loop;
    struct quota calls;
    struct subjects *runs; /* the one whose turn it is first */
    /* The call in flight. */
    bool busy;
    struct subjects *asked_run;
    int64_t asked[ECS_DESCRIBE_MAX]; /* seqs */
    size_t asked_count;
};

/* --- subjects.c: which tasks are to be described, and when --- */

/* A run with no tasks read yet; NULL when memory is out. */
struct subjects *subjects_new(struct describe *room, int64_t run_id, const char *cluster,
                              struct error *err);
void subjects_free(struct subjects *s); /* NULL-safe */
/* Reads what changed in the store since the last time. */
int subjects_read(struct subjects *s, int64_t now, struct error *err);
/* The seqs of up to ECS_DESCRIBE_MAX tasks that are due; sets s->due by the others. */
size_t subjects_due(struct subjects *s, int64_t now, int64_t seqs[ECS_DESCRIBE_MAX]);
/* ECS has described it, as stopped or not; or knows none of that id. */
void subjects_told(struct subjects *s, int64_t seq, bool stopped, int64_t now);
/* The same for one that ECS did not name. */
void subjects_missed(struct subjects *s, int64_t seq, int64_t now);
/* ECS has a task for it, of that id, and its row may not say so yet. False: the row names another,
 * none is looked for, or DESCRIBE_ROWLESS_MAX are followed. */
bool subjects_met(struct subjects *s, int64_t seq, const char *id);
/* Nothing will come of it any more. */
bool subjects_done(const struct subjects *s, int64_t now);

/* --- news.c: what is to be kept of one answer --- */

/* Texts lie behind one another in `texts`. */
struct news {
    struct store_description list[ECS_DESCRIBE_MAX];
    size_t offsets[ECS_DESCRIBE_MAX];
    uint64_t hashes[ECS_DESCRIBE_MAX];
    size_t count;
    struct buf texts;
};

/* NULL when memory is out. */
struct news *news_new(struct error *err);
void news_free(struct news *n); /* NULL-safe */
/* Adds what ECS says of the task at that place, unless it was kept before. */
void news_add(struct news *n, const struct subjects *s, int64_t seq, const json_t *task,
              bool stopped);
/* Keeps them, in one transaction. */
int news_keep(struct news *n, struct subjects *s, struct error *err);

/* --- strangers.c: ECS tasks of a run that no audit row names yet --- */

/* From when on they are looked for. */
void strangers_init(struct subjects *s, int64_t now);
void strangers_free(struct subjects *s);
/* When the next call is due; LOOP_NEVER: each task has a row, as many as may be are followed, or
 * nobody may list them. */
int64_t strangers_due(const struct subjects *s);
/* Sends the next call about the run's. Its answer clears d->busy; with nothing sent it is cleared.
 */
void strangers_ask(struct describe *d, struct subjects *s);

#endif
