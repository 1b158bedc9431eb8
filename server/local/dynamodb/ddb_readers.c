/* The pool of connections for reading (declared in ddb_store.h). In WAL mode readers neither wait
 * for the writer nor hold it up, and each sees what was committed when its statement began. */
#include "server/local/dynamodb/ddb_store.h"

int ddb_readers_open(struct ddb_readers *r, const char *path, struct error *err)
{
    *r = (struct ddb_readers){0};
    if (pthread_mutex_init(&r->lock, NULL) != 0)
        return err_set(err, ERR_MEMORY, "no lock for the readers");
    if (pthread_cond_init(&r->returned, NULL) != 0) {
        (void)pthread_mutex_destroy(&r->lock);
        return err_set(err, ERR_MEMORY, "no condition for the readers");
    }
    while (r->count < DDB_READERS) {
        if (ddb_store_open(&r->stores[r->count], path, DB_READ_ONLY, err) != 0) {
            ddb_readers_close(r);
            return -1;
        }
        r->count++;
    }
    return 0;
}

void ddb_readers_close(struct ddb_readers *r)
{
    while (r->count > 0)
        ddb_store_close(&r->stores[--r->count]);
    (void)pthread_cond_destroy(&r->returned);
    (void)pthread_mutex_destroy(&r->lock);
}

/* Under the lock; NULL when all are lent. */
static struct ddb_store *free_one_synced(struct ddb_readers *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (!r->lent[i]) {
            r->lent[i] = true;
            return &r->stores[i];
        }
    return NULL;
}

/* Reads are short and the HTTP pool is small: waiting here is rare and brief. */
struct ddb_store *ddb_readers_take(struct ddb_readers *r)
{
    struct ddb_store *s;
    (void)pthread_mutex_lock(&r->lock);
    while (!(s = free_one_synced(r)))
        (void)pthread_cond_wait(&r->returned, &r->lock);
    (void)pthread_mutex_unlock(&r->lock);
    return s;
}

/* One waiter at most can take it. */
void ddb_readers_give(struct ddb_readers *r, struct ddb_store *s)
{
    (void)pthread_mutex_lock(&r->lock);
    r->lent[s - r->stores] = false;
    (void)pthread_cond_signal(&r->returned);
    (void)pthread_mutex_unlock(&r->lock);
}
