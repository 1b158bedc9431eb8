/* sfn_db: what the engine stores, on its one writing connection.
 *
 * A struct sfn_db belongs to the engine's thread. Statements are prepared once and kept. All
 * writes of a turn lie between sfn_db_begin and sfn_db_commit. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_DB_H
#define STEPFLEET_SFN_DB_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stmt;
struct sfn_db;
struct execution;
struct frame;
struct map_run;

/* Opens (creates, migrates) the file. */
struct sfn_db *sfn_db_open(const char *path, struct error *err);
struct sfn_db *sfn_db_close(struct sfn_db *db); /* NULL-safe; returns NULL */

/* Begins the turn's transaction. */
int sfn_db_begin(struct sfn_db *db, struct error *err);
/* Makes it durable. 0, or -1 with err: then roll back and write everything again. */
int sfn_db_commit(struct sfn_db *db, struct error *err);
/* Gives it up; never fails. */
void sfn_db_rollback(struct sfn_db *db);

/* The execution's own row: inserted the first time, then updated. */
int sfn_db_put_execution(struct sfn_db *db, const struct execution *x, struct error *err);
/* Its collected events. */
int sfn_db_put_events(struct sfn_db *db, const struct execution *x, struct error *err);
/* A frame's checkpoint, and the results of its children that are not stored yet. */
int sfn_db_put_frame(struct sfn_db *db, const struct frame *f, struct error *err);
/* The checkpoint of a frame that has ended. */
int sfn_db_delete_frame(struct sfn_db *db, int64_t execution, int64_t frame, struct error *err);
/* All checkpoints of an execution that has ended. */
int sfn_db_delete_frames(struct sfn_db *db, int64_t execution, struct error *err);

/* Rows of state machines. */
struct machine_row {
    int64_t id;
    int64_t definition_id;
    const char *arn;
    const char *type; /* STANDARD, EXPRESS */
    int64_t created;
};
struct definition_row {
    int64_t id;
    int64_t machine_id;
    const char *text;
    const char *role;
    const char *revision; /* NULL: the first */
    const char *logging;  /* JSON text */
    const char *tracing;  /* JSON text */
    int64_t created;
};
/* Inserts a definition; they are never changed. */
int sfn_db_put_definition(struct sfn_db *db, const struct definition_row *row, struct error *err);
/* Inserts the machine, or points it to another definition. */
int sfn_db_put_machine(struct sfn_db *db, const struct machine_row *row, struct error *err);
/* The machine's row; its definitions stay for executions that have them. */
int sfn_db_delete_machine(struct sfn_db *db, int64_t id, struct error *err);
/* Tags as a JSON object text. */
int sfn_db_put_tags(struct sfn_db *db, int64_t machine, const char *tags, struct error *err);

/* Reading, at open and for what the engine must know of closed executions. Texts that callbacks
 * get are borrowed for the call; a callback answers 0 to go on. */
/* The next ids to be given. */
struct sfn_counters {
    int64_t execution, machine, definition, map_run;
};
int sfn_db_counters(struct sfn_db *db, struct sfn_counters *out, struct error *err);
struct stored_machine {
    struct machine_row machine;
    struct definition_row definition; /* its current one, without the text */
};
/* All state machines with their current definitions. */
int sfn_db_machines(struct sfn_db *db, int (*each)(void *ctx, const struct stored_machine *row),
                    void *ctx, struct error *err);
/* A definition's text: new text or NULL with err. */
char *sfn_db_definition(struct sfn_db *db, int64_t id, struct error *err);

struct stored_execution {
    int64_t id;
    int64_t machine_id;
    int64_t definition_id;
    const char *arn;
    const char *machine_arn;
    const char *role;
    int express;
    int status;
    int64_t started;
    int64_t stopped;
    const char *input;
    const char *output; /* NULL: none; so error and cause */
    const char *error;
    const char *cause;
    int64_t last_event;
    int64_t map_run; /* 0: of none */
    int64_t map_item;
    int64_t map_items;
};
/* All executions that have not ended, oldest first. */
int sfn_db_running(struct sfn_db *db, int (*each)(void *ctx, const struct stored_execution *row),
                   void *ctx, struct error *err);
/* 1: there is one and `each` got it; 0: there is none; -1 with err. */
int sfn_db_execution(struct sfn_db *db, const char *arn,
                     int (*each)(void *ctx, const struct stored_execution *row), void *ctx,
                     struct error *err);

struct stored_frame {
    int64_t id;
    int64_t parent; /* -1: the root */
    int64_t number;
    int64_t state;
    int64_t phase;
    const char *input;
    const char *variables; /* NULL: none */
    const char *item;      /* NULL: none */
    const char *data;      /* the rest, a JSON object */
};
/* Parents before children. */
int sfn_db_frames(struct sfn_db *db, int64_t execution,
                  int (*each)(void *ctx, const struct stored_frame *row), void *ctx,
                  struct error *err);
/* The highest ids in use: of its events, and of nests whose results are stored (0: none). */
int sfn_db_marks(struct sfn_db *db, int64_t execution, int64_t *event, int64_t *nest,
                 struct error *err);
/* Results of a nest: `each` gets lines "index result". */
int sfn_db_results(struct sfn_db *db, int64_t execution, int64_t nest,
                   int (*each)(void *ctx, const char *lines), void *ctx, struct error *err);

/* --- jobs to be stopped (sfn_db_stop.c) --- */
/* `input` is the JSON of the service's call. */
int sfn_db_put_stop(struct sfn_db *db, const char *job, const char *service, const char *input,
                    struct error *err);
int sfn_db_delete_stop(struct sfn_db *db, const char *job, struct error *err);
/* `each` answers 0 to go on. */
int sfn_db_stops(struct sfn_db *db,
                 int (*each)(void *ctx, const char *job, const char *service, const char *input),
                 void *ctx, struct error *err);

/* --- map runs (sfn_db_map.c) --- */
/* The run's row; the items go with the end. */
int sfn_db_put_map_run(struct sfn_db *db, const struct map_run *run, struct error *err);
/* Items, one a line. */
int sfn_db_put_map_items(struct sfn_db *db, int64_t run, const struct buf *lines,
                         struct error *err);
/* The lines of the row that holds the item (new text), which they begin with and how many they are.
 * NULL with err. */
char *sfn_db_map_items(struct sfn_db *db, int64_t run, int64_t index, int64_t *first,
                       int64_t *count, struct error *err);
struct map_child_row {
    struct stored_execution execution;
    int64_t number; /* which child */
};
/* Children beyond `after` that succeeded, or those that ended otherwise, in the order of items.
 * `each` answers 0 to go on, 1 to stop, -1 for a damaged row. */
int sfn_db_map_children(struct sfn_db *db, int64_t run, bool succeeded, int64_t after,
                        int (*each)(void *ctx, const struct map_child_row *row), void *ctx,
                        struct error *err);
enum { MAP_COUNTS = 5 }; /* one a status of executions */
struct map_counts {
    int64_t children[MAP_COUNTS];
    int64_t items[MAP_COUNTS];
};
int sfn_db_map_counts(struct sfn_db *db, int64_t run, struct map_counts *out, struct error *err);
/* The same by a prepared statement of another connection (status, children, items by run). */
int sfn_map_counts_read(struct stmt *s, int64_t run, struct map_counts *out, struct error *err);
struct map_run_row {
    int64_t id;
    const char *arn;
    int64_t execution;
    const char *machine_arn;
    int64_t started;
    int64_t total;
    int64_t concurrency;
    int64_t tolerated_count;
    double tolerated_percentage;
};
/* All runs that have not ended, by id. */
int sfn_db_map_running(struct sfn_db *db, int (*each)(void *ctx, const struct map_run_row *row),
                       void *ctx, struct error *err);

#endif
