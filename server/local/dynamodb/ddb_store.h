/* ddb_store: the SQLite file: tables, items, tokens of transactions. One struct ddb_store is one
 * connection and belongs to one thread at a time; a pool lends out those for reading.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_STORE_H
#define STEPFLEET_DDB_STORE_H

#include "lib/db/db.h"
#include "server/local/dynamodb/ddb_table.h"

#include <pthread.h>

/* A connection and its statements on items; those that write are NULL on a reader's. */
struct ddb_store {
    struct db *db;
    struct stmt *get;
    struct stmt *put;
    struct stmt *remove;
    struct stmt *query_up;
    struct stmt *query_down;
    struct stmt *scan;
    struct stmt *count;
    struct stmt *head;   /* of a stream; see ddb_stream_write.c */
    struct stmt *record; /* appends one to a stream */
    int64_t now;         /* the transaction's wall time; set by the writer */
};

/* DB_READ_WRITE creates and migrates the file. -1 with one sentence. */
int ddb_store_open(struct ddb_store *s, const char *path, enum db_mode mode, struct error *err);
/* Statements first, then the connection; a zero store is fine. */
void ddb_store_close(struct ddb_store *s);

/* --- tables (writer only) --- */
/* Puts every stored table into the catalogue. A table that asks for a stream and was stored before
 * there were any gets it. */
int ddb_store_load_tables(struct ddb_store *s, struct ddb_catalog *c, struct error *err);
/* Inserts the table and tells its id. */
int ddb_store_add_table(struct ddb_store *s, const char *name, int64_t created, json_t *definition,
                        int64_t *id, struct error *err);
/* Replaces the definition of the table with this id. */
int ddb_store_change_table(struct ddb_store *s, int64_t id, json_t *definition, struct error *err);
/* Deletes the table and all its items. */
int ddb_store_drop_table(struct ddb_store *s, int64_t id, struct error *err);

/* Deletes the items whose Number attribute is a time (seconds since 1970) that has passed, but not
 * more than five years ago, as AWS does. The attribute's name must not contain a quote. Gives a
 * walk of what was deleted, for ddb_store_next until its end, then stmt_close; NULL with an error.
 */
struct stmt *ddb_store_expire(struct ddb_store *s, int64_t id, const char *attribute,
                              struct error *err);

/* --- items --- */
/* *item is a new reference, or NULL if there is none; *size as it was put. */
int ddb_store_get(struct ddb_store *s, int64_t table, const struct ddb_key *key, json_t **item,
                  size_t *size, struct error *err);
/* Inserts or replaces. `size` is the item's size as DynamoDB counts it. */
int ddb_store_put(struct ddb_store *s, int64_t table, const struct ddb_key *key, json_t *item,
                  size_t size, struct error *err);
/* Deletes the item if it is there. */
int ddb_store_remove(struct ddb_store *s, int64_t table, const struct ddb_key *key,
                     struct error *err);
/* Walks all of the table's rows: number of items and sum of their sizes. */
int ddb_store_count(struct ddb_store *s, int64_t table, int64_t *items, int64_t *bytes,
                    struct error *err);

/* --- walking: bind one of these, then ddb_store_next until it gives 0, then stmt_reset --- */
/* Range keys of one hash key from `low` up to but without `high`, upward or downward. `bounds` are
 * borrowed until the reset. */
struct ddb_bounds {
    struct ddb_key low; /* hash key and slot stand here */
    unsigned char high[DDB_RANGE_ROOM + 8];
    size_t high_len;
};
/* The walk is the store's own statement: only one of a kind at a time. */
struct stmt *ddb_store_query(struct ddb_store *s, int64_t table, const struct ddb_bounds *bounds,
                             bool upward);
/* All items behind `after` (NULL: from the start) whose slot is within [first, last]. */
struct stmt *ddb_store_scan(struct ddb_store *s, int64_t table, uint32_t first, uint32_t last,
                            const struct ddb_key *after);
/* 1: a row is there, 0: done, -1: failed. */
int ddb_store_next(struct stmt *walk, struct error *err);
/* The size given to ddb_store_put. */
size_t ddb_store_row_size(struct stmt *walk);
/* The row's item, a new reference; NULL with an error. */
json_t *ddb_store_row_item(struct stmt *walk, struct error *err);

/* --- tokens of TransactWriteItems (writer only) --- */
/* Forgets tokens from before `oldest`, then looks for one: *digest is "" if it is new. */
int ddb_store_find_token(struct ddb_store *s, const char *token, int64_t oldest, char *digest,
                         size_t digest_room, struct error *err);
/* Remembers a token that ddb_store_find_token did not find; `now` in microseconds. */
int ddb_store_add_token(struct ddb_store *s, const char *token, const char *digest, int64_t now,
                        struct error *err);

/* --- the pool of readers --- */
enum { DDB_READERS = 4 };

/* `lent` is guarded by the lock; a store that is lent belongs to its taker. */
struct ddb_readers {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct ddb_store stores[DDB_READERS];
    bool lent[DDB_READERS];
    size_t count;
};

/* Opens DDB_READERS read-only connections on a file that exists; -1 with one sentence. */
int ddb_readers_open(struct ddb_readers *r, const char *path, struct error *err);
void ddb_readers_close(struct ddb_readers *r); /* all must be back */
/* Waits until one is free. */
struct ddb_store *ddb_readers_take(struct ddb_readers *r);
/* Gives back one that was taken, its statements reset. */
void ddb_readers_give(struct ddb_readers *r, struct ddb_store *s);

#endif
