/* Tables and the catalogue of them.
 *
 * The catalogue is the truth about tables for everybody but SQLite: it is filled from the file at
 * opening and changed by the writer after each commit. A description is immutable; an update puts
 * another one in its place, and calls in flight go on with the one they hold. */
#include "server/local/dynamodb/ddb_table.h"

#include "lib/json/json_read.h"

#include <stdlib.h>
#include <string.h>

/* The type that AttributeDefinitions gives a name, or DDB_NO_TYPE. */
static enum ddb_type defined_type(json_t *definition, const char *name)
{
    json_t *list = json_object_get(definition, "AttributeDefinitions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *row = json_array_get(list, i);
        if (strcmp(json_str(row, "AttributeName", ""), name) == 0)
            return ddb_type_named(json_str(row, "AttributeType", ""));
    }
    return DDB_NO_TYPE;
}

/* False unless hash and range key (if any) are of types that can be keys. */
static bool read_schema(json_t *definition, struct ddb_schema *schema)
{
    json_t *keys = json_object_get(definition, "KeySchema");
    schema->hash = json_str(json_array_get(keys, 0), "AttributeName", NULL);
    schema->range = json_str(json_array_get(keys, 1), "AttributeName", NULL);
    schema->hash_type = schema->hash ? defined_type(definition, schema->hash) : DDB_NO_TYPE;
    schema->range_type = schema->range ? defined_type(definition, schema->range) : DDB_S;
    return schema->hash_type <= DDB_B && schema->range_type <= DDB_B;
}

/* StreamId is there while the stream is enabled; see ddb_stream_attach. */
static void read_stream(struct ddb_table *t)
{
    const char *view =
        json_str(json_object_get(t->definition, "StreamSpecification"), "StreamViewType", "");
    t->stream = json_int(t->definition, "StreamId", 0);
    t->new_images = strcmp(view, "NEW_IMAGE") == 0 || strcmp(view, "NEW_AND_OLD_IMAGES") == 0;
    t->old_images = strcmp(view, "OLD_IMAGE") == 0 || strcmp(view, "NEW_AND_OLD_IMAGES") == 0;
}

struct ddb_table *ddb_table_new(int64_t id, const char *name, int64_t created, json_t *definition)
{
    struct ddb_table *t = calloc(1, sizeof *t);
    if (!t) {
        json_decref(definition);
        return NULL;
    }
    atomic_init(&t->references, 1);
    t->id = id;
    t->created = created;
    t->definition = definition;
    t->name = strdup(name);
    if (!t->name || !read_schema(definition, &t->schema))
        return ddb_table_release(t);
    read_stream(t);
    return t;
}

struct ddb_table *ddb_table_hold(struct ddb_table *t)
{
    atomic_fetch_add(&t->references, 1);
    return t;
}

/* The last holder frees, on whatever thread. */
struct ddb_table *ddb_table_release(struct ddb_table *t)
{
    if (!t || atomic_fetch_sub(&t->references, 1) > 1)
        return NULL;
    json_decref(t->definition);
    free(t->name);
    free(t);
    return NULL;
}

int ddb_catalog_open(struct ddb_catalog *c, struct error *err)
{
    *c = (struct ddb_catalog){0};
    if (pthread_mutex_init(&c->lock, NULL) != 0)
        return err_set(err, ERR_MEMORY, "no lock for the table catalogue");
    return 0;
}

void ddb_catalog_close(struct ddb_catalog *c)
{
    for (size_t i = 0; i < c->count; i++)
        ddb_table_release(c->list[i]);
    free(c->list);
    (void)pthread_mutex_destroy(&c->lock);
}

/* The place of the first table whose name is not below `name`. The lock is held. */
static size_t place_synced(const struct ddb_catalog *c, const char *name)
{
    size_t low = 0;
    size_t high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(c->list[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether the table of this name stands at its place. */
static bool is_at_synced(const struct ddb_catalog *c, size_t place, const char *name)
{
    return place < c->count && strcmp(c->list[place]->name, name) == 0;
}

struct ddb_table *ddb_catalog_get(struct ddb_catalog *c, const char *name)
{
    (void)pthread_mutex_lock(&c->lock);
    size_t place = place_synced(c, name);
    struct ddb_table *t = is_at_synced(c, place, name) ? ddb_table_hold(c->list[place]) : NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return t;
}

struct ddb_table *ddb_catalog_need(struct ddb_catalog *c, const char *name, struct ddb_fault *f)
{
    struct ddb_table *t = ddb_catalog_get(c, name);
    if (!t)
        ddb_fault_set(f, "ResourceNotFoundException",
                      "Requested resource not found: Table: %.255s not found", name);
    return t;
}

/* Room is made before the commit, because after it nothing may fail any more. */
int ddb_catalog_reserve(struct ddb_catalog *c)
{
    int rc = 0;
    (void)pthread_mutex_lock(&c->lock);
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 16;
        struct ddb_table **list = reallocarray(c->list, capacity, sizeof(*list));
        rc = list ? 0 : -1;
        if (list) {
            c->list = list;
            c->capacity = capacity;
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
    return rc;
}

/* The old description is let go outside the lock; calls in flight may still hold it. */
void ddb_catalog_put(struct ddb_catalog *c, struct ddb_table *t)
{
    struct ddb_table *old = NULL;
    (void)pthread_mutex_lock(&c->lock);
    size_t place = place_synced(c, t->name);
    if (is_at_synced(c, place, t->name)) {
        old = c->list[place];
    } else {
        memmove(c->list + place + 1, c->list + place, (c->count - place) * sizeof(*c->list));
        c->count++;
    }
    c->list[place] = t;
    (void)pthread_mutex_unlock(&c->lock);
    ddb_table_release(old);
}

void ddb_catalog_remove(struct ddb_catalog *c, const char *name)
{
    struct ddb_table *old = NULL;
    (void)pthread_mutex_lock(&c->lock);
    size_t place = place_synced(c, name);
    if (is_at_synced(c, place, name)) {
        old = c->list[place];
        c->count--;
        memmove(c->list + place, c->list + place + 1, (c->count - place) * sizeof(*c->list));
    }
    (void)pthread_mutex_unlock(&c->lock);
    ddb_table_release(old);
}

/* By id too: a table dropped and made anew is another one. */
bool ddb_catalog_renew(struct ddb_catalog *c, struct ddb_table **t)
{
    struct ddb_table *now = ddb_catalog_get(c, (*t)->name);
    if (!now || now->id != (*t)->id) {
        ddb_table_release(now);
        return false;
    }
    ddb_table_release(*t);
    *t = now;
    return true;
}

/* A copy, because names may change as soon as the lock is left. */
json_t *ddb_catalog_names(struct ddb_catalog *c, const char *after, size_t limit, bool *more)
{
    json_t *names = json_array();
    (void)pthread_mutex_lock(&c->lock);
    size_t place = after ? place_synced(c, after) : 0;
    if (after && is_at_synced(c, place, after))
        place++;
    int rc = names ? 0 : -1;
    for (; place < c->count && limit > 0 && rc == 0; place++, limit--)
        rc = json_array_append_new(names, json_string_nocheck(c->list[place]->name));
    *more = place < c->count;
    (void)pthread_mutex_unlock(&c->lock);
    if (rc == 0)
        return names;
    json_decref(names);
    return NULL;
}
