/* Looking up streams and shards. Statements are compiled when needed: these reads are rare. */
#include "server/local/dynamodb/ddb_stream.h"

#include "lib/json/json_read.h"

#include <stdio.h>

/* "2024-..." of the row's time is its label; so the time is found by the label. */
static int read_stream(struct stmt *row, struct ddb_stream *stream, struct error *err)
{
    *stream = (struct ddb_stream){.id = stmt_int(row, 0),
                                  .created = stmt_int(row, 2),
                                  .trimmed = stmt_int(row, 3),
                                  .enabled = stmt_is_null(row, 4)};
    (void)snprintf(stream->table, sizeof stream->table, "%s", stmt_text(row, 1));
    (void)snprintf(stream->view, sizeof stream->view, "%s", stmt_text(row, 5));
    (void)ddb_stream_label(stream->created, stream->label);
    return json_parse(stmt_text(row, 6), stmt_len(row, 6), &stream->keys, err) == 0 ? 1 : -1;
}

int ddb_stream_find(struct ddb_store *s, const char *table, const char *label,
                    struct ddb_stream *stream, struct error *err)
{
    char text[CLOCK_TEXT_MAX + 2];
    int64_t created = 0;
    (void)snprintf(text, sizeof text, "%sZ", label);
    if (clock_parse_rfc3339(text, &created, err) != 0)
        return 0;
    struct stmt *find = db_prepare(s->db,
                                   "SELECT id, name, created, trimmed, disabled, view, keys"
                                   " FROM streams WHERE name = ?1 AND created = ?2",
                                   err);
    if (!find)
        return -1;
    stmt_bind_text(find, 1, table);
    stmt_bind_int(find, 2, created);
    int rc = stmt_step(find, err);
    if (rc == 1)
        rc = read_stream(find, stream, err);
    stmt_close(find);
    return rc;
}

void ddb_stream_close(struct ddb_stream *stream)
{
    json_decref(stream->keys);
    stream->keys = NULL;
}

#define SHARD_ROW                                                                                  \
    "SELECT c.id, coalesce(c.parent, 0), c.parent_created, c.first, coalesce(c.last,"              \
    " 9223372036854775807), c.created FROM shards c WHERE c.stream_id = ?1 AND "

static void read_shard(struct stmt *row, struct ddb_shard *shard)
{
    *shard = (struct ddb_shard){.id = stmt_int(row, 0),
                                .parent = stmt_int(row, 1),
                                .parent_created = stmt_int(row, 2),
                                .first = stmt_int(row, 3),
                                .last = stmt_int(row, 4),
                                .created = stmt_int(row, 5)};
}

int ddb_shards_list(struct ddb_store *s, int64_t stream, int64_t after, int64_t parent,
                    struct ddb_shard *out, size_t room, struct error *err)
{
    struct stmt *walk = db_prepare(
        s->db, SHARD_ROW "c.id > ?2 AND (?3 = 0 OR c.parent = ?3) ORDER BY c.id LIMIT ?4", err);
    if (!walk)
        return -1;
    stmt_bind_int(walk, 1, stream);
    stmt_bind_int(walk, 2, after);
    stmt_bind_int(walk, 3, parent);
    stmt_bind_int(walk, 4, (int64_t)room);
    int count = 0;
    int rc;
    while ((rc = stmt_step(walk, err)) == 1)
        read_shard(walk, &out[count++]);
    stmt_close(walk);
    return rc == 0 ? count : -1;
}

int ddb_shard_find(struct ddb_store *s, int64_t stream, int64_t id, struct ddb_shard *shard,
                   struct error *err)
{
    struct stmt *find = db_prepare(s->db, SHARD_ROW "c.id = ?2", err);
    if (!find)
        return -1;
    stmt_bind_int(find, 1, stream);
    stmt_bind_int(find, 2, id);
    int rc = stmt_step(find, err);
    if (rc == 1)
        read_shard(find, shard);
    stmt_close(find);
    return rc;
}

/* A number is lost neither by trimming nor by an empty shard that was closed. */
int ddb_stream_latest(struct ddb_store *s, const struct ddb_stream *stream, int64_t *latest,
                      struct error *err)
{
    static const char sql[] =
        "SELECT max(?2, coalesce((SELECT max(number) FROM records WHERE stream_id = ?1), 0),"
        " coalesce((SELECT max(first) - 1 FROM shards WHERE stream_id = ?1), 0),"
        " coalesce((SELECT max(last) FROM shards WHERE stream_id = ?1), 0))";
    struct stmt *find = db_prepare(s->db, sql, err);
    if (!find)
        return -1;
    stmt_bind_int(find, 1, stream->id);
    stmt_bind_int(find, 2, stream->trimmed);
    int rc = stmt_number(find, latest, err);
    stmt_close(find);
    return rc == 1 ? 0 : -1;
}
