/* ddb_table: one table's description, and the catalogue of all tables.
 *
 * A struct ddb_table is immutable and counted; calls in flight keep theirs. The catalogue is used
 * by any thread (a lock inside) and changed by the writer thread alone. Private to
 * server/local/dynamodb. */
#ifndef STEPFLEET_DDB_TABLE_H
#define STEPFLEET_DDB_TABLE_H

#include "server/local/dynamodb/ddb_key.h"

#include <pthread.h>
#include <stdatomic.h>

struct ddb_table {
    atomic_size_t references;
    int64_t id;
    int64_t created; /* microseconds since 1970 */
    char *name;
    json_t *definition;       /* AttributeDefinitions, KeySchema and so on, as they were given */
    struct ddb_schema schema; /* borrows from definition */
    int64_t stream;           /* id of the enabled one; 0: none */
    bool new_images;          /* what its records show */
    bool old_images;
};

/* Takes `definition` over (also on failure). One reference; NULL if it describes no table. */
struct ddb_table *ddb_table_new(int64_t id, const char *name, int64_t created, json_t *definition);
/* One more reference; returns t. */
struct ddb_table *ddb_table_hold(struct ddb_table *t);
struct ddb_table *ddb_table_release(struct ddb_table *t); /* NULL-safe; returns NULL */

struct ddb_catalog {
    pthread_mutex_t lock;
    struct ddb_table **list; /* sorted by name */
    size_t count;
    size_t capacity;
};

/* An empty catalogue. -1 if there can be no lock. */
int ddb_catalog_open(struct ddb_catalog *c, struct error *err);
/* Lets all tables go; nobody may use the catalogue any more. */
void ddb_catalog_close(struct ddb_catalog *c);

/* A reference to the table, or NULL. */
struct ddb_table *ddb_catalog_get(struct ddb_catalog *c, const char *name);
/* The same, with ResourceNotFoundException. */
struct ddb_table *ddb_catalog_need(struct ddb_catalog *c, const char *name, struct ddb_fault *f);
/* Makes room for one more table; -1 when memory is out. So the next put cannot fail. */
int ddb_catalog_reserve(struct ddb_catalog *c);
/* Puts a table in, in place of one with its name; takes the reference over. */
void ddb_catalog_put(struct ddb_catalog *c, struct ddb_table *t);
/* Takes the table of this name out, if there is one. */
void ddb_catalog_remove(struct ddb_catalog *c, const char *name);
/* The table as it is now, in place of what *t was before: it may have got or lost a stream. False
 * if it is gone; then *t stays. */
bool ddb_catalog_renew(struct ddb_catalog *c, struct ddb_table **t);
/* Up to `limit` names after `after` (NULL: from the start) as a new JSON list. *more tells whether
 * there are others behind. NULL when memory is out. */
json_t *ddb_catalog_names(struct ddb_catalog *c, const char *after, size_t limit, bool *more);

#endif
