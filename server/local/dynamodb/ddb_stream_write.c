/* Everything that changes streams. A failure here is one of the database: the transaction is
 * rolled back, and with it the change that the record would have told of. */
#include "server/local/dynamodb/ddb_stream.h"

#include "lib/json/json_read.h"

/* The open shard of a stream (the view `heads`). */
struct head {
    int64_t first;
    int64_t created;
    int64_t latest; /* number of the stream's youngest record, or first - 1 */
};

static int read_head(struct ddb_store *s, int64_t stream, struct head *h, struct error *err)
{
    stmt_bind_int(s->head, 1, stream);
    int rc = stmt_step(s->head, err);
    if (rc == 1) {
        h->first = stmt_int(s->head, 0);
        h->created = stmt_int(s->head, 1);
        h->latest = stmt_int(s->head, 2);
    }
    stmt_reset(s->head);
    if (rc == 0)
        return err_set(err, ERR_DATABASE, "a stream has no open shard: the file is damaged");
    return rc == 1 ? 0 : -1;
}

/* The parent's time is part of its name, and the parent goes before its child does. */
static int open_shard(struct ddb_store *s, int64_t stream, int64_t parent, int64_t first,
                      struct error *err)
{
    static const char sql[] =
        "INSERT INTO shards(stream_id, parent, parent_created, first, created) VALUES(?1,"
        " nullif(?2, 0), (SELECT created FROM shards WHERE id = ?2), ?3, ?4)";
    struct stmt *add = db_prepare(s->db, sql, err);
    if (!add)
        return -1;
    stmt_bind_int(add, 1, stream);
    stmt_bind_int(add, 2, parent);
    stmt_bind_int(add, 3, first);
    stmt_bind_int(add, 4, s->now);
    int rc = stmt_run(add, err);
    stmt_close(add);
    return rc;
}

/* A shard that stayed empty takes one number, so that its end is not before its beginning. */
static int close_shard(struct ddb_store *s, int64_t stream, int64_t *id, int64_t *last,
                       struct error *err)
{
    static const char sql[] = "UPDATE shards SET closed = ?2, last = max(first,"
                              " (SELECT latest FROM heads WHERE heads.id = shards.id))"
                              " WHERE stream_id = ?1 AND last IS NULL RETURNING id, last";
    struct stmt *end = db_prepare(s->db, sql, err);
    if (!end)
        return -1;
    stmt_bind_int(end, 1, stream);
    stmt_bind_int(end, 2, s->now);
    int rc = stmt_step(end, err);
    if (rc == 1) {
        *id = stmt_int(end, 0);
        *last = stmt_int(end, 1);
        rc = stmt_step(end, err);
    }
    stmt_close(end);
    return rc;
}

static int roll(struct ddb_store *s, int64_t stream, struct error *err)
{
    int64_t parent = 0;
    int64_t last = 0;
    if (close_shard(s, stream, &parent, &last, err) != 0)
        return -1;
    return open_shard(s, stream, parent, last + 1, err);
}

/* The number of the next record; the shard is rolled when its time has come. */
static int next_number(struct ddb_store *s, int64_t stream, int64_t *number, struct error *err)
{
    struct head h = {0};
    if (read_head(s, stream, &h, err) != 0)
        return -1;
    if (h.latest - h.first + 1 >= DDB_SHARD_RECORDS_MAX || h.created < s->now - DDB_SHARD_AGE_MAX)
        if (roll(s, stream, err) != 0 || read_head(s, stream, &h, err) != 0)
            return -1;
    *number = h.latest + 1;
    return 0;
}

int ddb_stream_append(struct ddb_store *s, int64_t stream, const struct ddb_record *r,
                      struct error *err)
{
    int64_t number = 0;
    if (next_number(s, stream, &number, err) != 0)
        return -1;
    stmt_bind_int(s->record, 1, stream);
    stmt_bind_int(s->record, 2, number);
    stmt_bind_int(s->record, 3, s->now);
    stmt_bind_text(s->record, 4, r->event);
    stmt_bind_int(s->record, 5, r->expired);
    stmt_bind_int(s->record, 6, (int64_t)r->size);
    stmt_bind_textn(s->record, 7, r->images, r->images_len);
    return stmt_run(s->record, err);
}

/* --- making and ending ---------------------------------------------------------------------- */

/* A label names a stream of its table for ever: two made within a millisecond get two of them. */
static int insert_stream(struct ddb_store *s, const char *name, json_t *definition,
                         const char *keys, int64_t *id, int64_t *created, struct error *err)
{
    static const char sql[] =
        "INSERT INTO streams(name, created, view, keys) VALUES(?1, max(?2,"
        " coalesce((SELECT max(created) + 1000 FROM streams WHERE name = ?1), 0)), ?3, ?4)"
        " RETURNING id, created";
    struct stmt *add = db_prepare(s->db, sql, err);
    if (!add)
        return -1;
    stmt_bind_text(add, 1, name);
    stmt_bind_int(add, 2, s->now / CLOCK_MS * CLOCK_MS);
    stmt_bind_text(add, 3,
                   json_str(json_object_get(definition, "StreamSpecification"), "StreamViewType",
                            "KEYS_ONLY"));
    stmt_bind_text(add, 4, keys);
    int rc = stmt_step(add, err);
    if (rc == 1) {
        *id = stmt_int(add, 0);
        *created = stmt_int(add, 1);
        rc = stmt_step(add, err);
    }
    stmt_close(add);
    return rc;
}

/* The table's keys are kept with the stream, which outlives the table. */
static int add_stream(struct ddb_store *s, const char *name, json_t *definition, int64_t *id,
                      int64_t *created, struct error *err)
{
    struct buf keys;
    buf_init(&keys, BUF_MAX_LINE);
    json_dump(&keys, json_object_get(definition, "KeySchema"));
    int rc = buf_check(&keys, err);
    if (rc == 0)
        rc = insert_stream(s, name, definition, buf_str(&keys), id, created, err);
    buf_free(&keys);
    return rc;
}

int ddb_stream_attach(struct ddb_store *s, int64_t table, const char *name, json_t *definition,
                      struct error *err)
{
    char label[CLOCK_TEXT_MAX];
    int64_t id = 0;
    int64_t created = 0;
    json_t *wanted = json_object_get(definition, "StreamSpecification");
    if (!json_bool(wanted, "StreamEnabled", false) || json_object_get(definition, "StreamId"))
        return 0;
    if (add_stream(s, name, definition, &id, &created, err) != 0 ||
        open_shard(s, id, 0, 1, err) != 0)
        return -1;
    json_t *text = json_string(ddb_stream_label(created, label));
    if (json_object_set_new(definition, "LatestStreamLabel", text) != 0 ||
        json_object_set_new(definition, "StreamId", json_integer(id)) != 0)
        return err_set(err, ERR_MEMORY, "out of memory making a stream");
    return ddb_store_change_table(s, table, definition, err);
}

int ddb_stream_disable(struct ddb_store *s, int64_t stream, struct error *err)
{
    int64_t shard = 0;
    int64_t last = 0;
    if (close_shard(s, stream, &shard, &last, err) != 0)
        return -1;
    struct stmt *end = db_prepare(s->db, "UPDATE streams SET disabled = ?2 WHERE id = ?1", err);
    if (!end)
        return -1;
    stmt_bind_int(end, 1, stream);
    stmt_bind_int(end, 2, s->now);
    int rc = stmt_run(end, err);
    stmt_close(end);
    return rc;
}

/* --- sweeping ------------------------------------------------------------------------------- */

/* Each has the oldest time that is kept as its one parameter. Records lie in the order of time, so
 * that the first look-up ends at the oldest one that stays. Raising `trimmed` deletes the records
 * (a trigger), and nothing is written when nothing is old. A shard or stream that ended before that
 * time has no younger records. */
static const char *const sweeps[] = {
    "UPDATE streams SET trimmed = coalesce("
    " (SELECT r.number - 1 FROM records r WHERE r.stream_id = streams.id AND r.created >= ?1"
    "  ORDER BY r.number LIMIT 1),"
    " (SELECT max(r.number) FROM records r WHERE r.stream_id = streams.id))"
    " WHERE (SELECT r.created FROM records r WHERE r.stream_id = streams.id"
    "  ORDER BY r.number LIMIT 1) < ?1",
    "DELETE FROM shards WHERE closed < ?1",
    "DELETE FROM streams WHERE disabled < ?1",
};

static int run_sweep(struct ddb_store *s, const char *sql, struct error *err)
{
    struct stmt *one = db_prepare(s->db, sql, err);
    if (!one)
        return -1;
    stmt_bind_int(one, 1, s->now - DDB_STREAM_RETENTION);
    int rc = stmt_run(one, err);
    stmt_close(one);
    return rc;
}

/* A stream whose open shard is too old: 1 with its id, 0 if there is none, -1. */
static int find_old(struct ddb_store *s, int64_t *stream, struct error *err)
{
    struct stmt *find =
        db_prepare(s->db, "SELECT stream_id FROM heads WHERE created < ?1 LIMIT 1", err);
    if (!find)
        return -1;
    stmt_bind_int(find, 1, s->now - DDB_SHARD_AGE_MAX);
    int rc = stmt_number(find, stream, err);
    stmt_close(find);
    return rc;
}

/* As in AWS, shards roll when nothing is written too. */
int ddb_stream_sweep(struct ddb_store *s, struct error *err)
{
    int64_t stream = 0;
    int rc;
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++)
        if (run_sweep(s, sweeps[i], err) != 0)
            return -1;
    while ((rc = find_old(s, &stream, err)) == 1)
        if (roll(s, stream, err) != 0)
            return -1;
    return rc;
}
