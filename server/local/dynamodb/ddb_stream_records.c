/* GetShardIterator and GetRecords. Nothing is kept between calls: where a reader stands is in the
 * iterator. Each call looks at the file as of one moment, so that a shard that is rolled meanwhile
 * is either open or closed for all of it. */
#include "server/local/dynamodb/ddb_stream_input.h"

#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"

#include <stdio.h>
#include <string.h>

/* aws: a page ends at 1,000 records or 1 MB. */
enum { RECORDS_MAX = 1000, PAGE_BYTES_MAX = 1024 * 1024, EVENT_ID_DIGITS = 32 };

/* What both operations find first. */
struct place {
    struct local_dynamodb *d;
    struct ddb_store *store;
    struct ddb_stream stream;
    struct ddb_shard shard;
};

/* Runs `work` on one moment of the file. */
static int at_one_moment(struct local_dynamodb *d, struct ddb_stream_input *in, json_t **output,
                         int (*work)(struct place *p, const struct ddb_stream_input *in,
                                     json_t **output, struct ddb_fault *f),
                         struct ddb_fault *f)
{
    struct error err;
    struct place p = {.d = d, .store = ddb_readers_take(&d->readers)};
    int rc = db_begin(p.store->db, &err) == 0 ? 0 : ddb_internal(f, &err);
    if (rc == 0)
        rc = work(&p, in, output, f);
    db_rollback(p.store->db);
    ddb_readers_give(&d->readers, p.store);
    ddb_stream_close(&p.stream);
    return rc;
}

/* The oldest record there is (0) can always be read, and behind a shard's end nothing is lost. */
static int check_not_trimmed(const struct place *p, int64_t next, struct ddb_fault *f)
{
    if (next == 0 || next > p->stream.trimmed || next > p->shard.last)
        return 0;
    return ddb_fault_set(f, "TrimmedDataAccessException",
                         "The operation attempted to read past the oldest stream record in a "
                         "shard: go on from TRIM_HORIZON");
}

/* --- GetShardIterator ----------------------------------------------------------------------- */

static const struct field iterator_fields[] = {
    DDB_STREAM_ROW("StreamArn", FIELD_STRING, true, arn, 0, 0),
    DDB_STREAM_ROW("ShardId", FIELD_STRING, true, shard, 0, 0),
    DDB_STREAM_ROW("ShardIteratorType", FIELD_STRING, true, type, 0, 0),
    DDB_STREAM_ROW("SequenceNumber", FIELD_STRING, false, sequence, 0, 0),
};

/* A number of this shard, or the one that its next record will have. */
static int read_sequence(const struct place *p, const struct ddb_stream_input *in, int64_t latest,
                         int64_t *sequence, struct ddb_fault *f)
{
    int64_t last = p->shard.last == INT64_MAX ? latest + 1 : p->shard.last;
    if (!in->sequence)
        return ddb_invalid(f, "SequenceNumber is required for ShardIteratorType %s", in->type);
    if (ddb_sequence_read(in->sequence, sequence) && *sequence >= p->shard.first &&
        *sequence <= last)
        return 0;
    return ddb_invalid(f, "Invalid SequenceNumber: %.64s is not in shard %.64s", in->sequence,
                       in->shard);
}

/* In a closed shard LATEST is behind its last record. */
static int find_next(struct place *p, const struct ddb_stream_input *in, int64_t *next,
                     struct ddb_fault *f)
{
    struct error err;
    int64_t latest = 0;
    if (ddb_stream_latest(p->store, &p->stream, &latest, &err) != 0)
        return ddb_internal(f, &err);
    *next = 0;
    if (strcmp(in->type, "LATEST") == 0) {
        *next = p->shard.last < latest ? p->shard.last + 1 : latest + 1;
        return 0;
    }
    if (strcmp(in->type, "TRIM_HORIZON") == 0)
        return 0;
    if (read_sequence(p, in, latest, next, f) != 0)
        return -1;
    /* Behind a number that no record has yet is where that record will be. */
    *next += strncmp(in->type, "AFTER", 5) == 0 && *next <= latest;
    return check_not_trimmed(p, *next, f);
}

/* The text of a position as a JSON string; NULL with a fault. */
static json_t *iterator_json(const struct place *p, int64_t next, struct ddb_fault *f)
{
    char text[DDB_ITERATOR_ROOM];
    struct error err;
    struct ddb_iterator it = {
        .shard = p->shard.id, .next = next, .issued = clock_wall(p->d->clock)};
    (void)ddb_stream_arn(p->d->region, p->stream.table, p->stream.label, it.arn);
    if (ddb_iterator_text(&it, text, &err) != 0) {
        ddb_internal(f, &err);
        return NULL;
    }
    json_t *value = json_string(text);
    if (!value)
        ddb_no_memory(f);
    return value;
}

static int give_iterator(struct place *p, const struct ddb_stream_input *in, json_t **output,
                         struct ddb_fault *f)
{
    int64_t next = 0;
    if (ddb_stream_need(p->d, p->store, in->arn, &p->stream, f) != 0 ||
        ddb_shard_need(p->store, &p->stream, in->shard, &p->shard, f) != 0 ||
        find_next(p, in, &next, f) != 0)
        return -1;
    json_t *text = iterator_json(p, next, f);
    if (!text)
        return -1;
    *output = json_pack("{s:o}", "ShardIterator", text);
    return *output ? 0 : ddb_no_memory(f);
}

int ddb_get_shard_iterator(struct local_dynamodb *d, json_t *input, json_t **output,
                           struct ddb_fault *f)
{
    struct ddb_stream_input in = {0};
    if (ddb_input_read(iterator_fields, 4, input, &in, f) != 0 ||
        ddb_input_word(in.type, "shardIteratorType",
                       "TRIM_HORIZON|LATEST|AT_SEQUENCE_NUMBER|AFTER_SEQUENCE_NUMBER", f) != 0)
        return -1;
    return at_one_moment(d, &in, output, give_iterator, f);
}

/* --- GetRecords ----------------------------------------------------------------------------- */

static const struct field records_fields[] = {
    DDB_STREAM_ROW("ShardIterator", FIELD_STRING, true, iterator, 0, 0),
    DDB_STREAM_ROW("Limit", FIELD_INT, false, limit, 1, RECORDS_MAX),
};

/* The same record has the same id whenever it is read. */
static int event_id(const struct place *p, int64_t number, char out[SHA256_HEX], struct error *err)
{
    char text[DDB_ARN_ROOM];
    int n = snprintf(text, sizeof text, "%s/%s/%lld", p->stream.table, p->stream.label,
                     (long long)number);
    if (crypto_sha256_hex(text, (size_t)n, out, err) != 0)
        return -1;
    out[EVENT_ID_DIGITS] = '\0';
    return 0;
}

/* Adds to the images what is the same for all views. AWS tells times in whole seconds. */
static int complete_images(const struct place *p, struct stmt *row, json_t *images)
{
    char number[DDB_SEQUENCE_TEXT];
    json_t *more = json_pack("{s:I, s:s, s:I, s:s}", "ApproximateCreationDateTime",
                             (json_int_t)(stmt_int(row, 1) / CLOCK_SECOND), "SequenceNumber",
                             ddb_sequence_text(stmt_int(row, 0), number), "SizeBytes",
                             (json_int_t)stmt_int(row, 4), "StreamViewType", p->stream.view);
    int rc = more ? json_object_update(images, more) : -1;
    json_decref(more);
    return rc;
}

/* Takes the images over. NULL when memory is out. */
static json_t *make_record(const struct place *p, struct stmt *row, json_t *images, const char *id)
{
    json_t *service = stmt_int(row, 3) ? json_pack("{s:s, s:s}", "PrincipalId",
                                                   "dynamodb.amazonaws.com", "Type", "Service")
                                       : NULL;
    if (complete_images(p, row, images) != 0) {
        json_decref(images);
        json_decref(service);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o*}", "eventID", id, "eventName",
                     stmt_text(row, 2), "eventVersion", "1.1", "eventSource", "aws:dynamodb",
                     "awsRegion", p->d->region, "dynamodb", images, "userIdentity", service);
}

static int add_record(const struct place *p, struct stmt *row, json_t *list, struct error *err)
{
    char id[SHA256_HEX];
    json_error_t at;
    json_t *images = json_loadb(stmt_text(row, 5), stmt_len(row, 5), JSON_ALLOW_NUL, &at);
    if (!images || event_id(p, stmt_int(row, 0), id, err) != 0) {
        json_decref(images);
        return err_set(err, ERR_DATABASE, "a stored record is damaged, or memory is out");
    }
    if (json_array_append_new(list, make_record(p, row, images, id)) != 0)
        return err_set(err, ERR_MEMORY, "out of memory reading records");
    return 0;
}

static struct stmt *walk_records(const struct place *p, int64_t next, int64_t limit,
                                 struct error *err)
{
    static const char sql[] =
        "SELECT number, created, event, expired, size, images FROM records"
        " WHERE stream_id = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number LIMIT ?4";
    struct stmt *walk = db_prepare(p->store->db, sql, err);
    if (!walk)
        return NULL;
    stmt_bind_int(walk, 1, p->stream.id);
    stmt_bind_int(walk, 2, next > p->shard.first ? next : p->shard.first);
    stmt_bind_int(walk, 3, p->shard.last);
    stmt_bind_int(walk, 4, limit);
    return walk;
}

/* A record is never cut: the one that reaches the page's end is its last. */
static int read_page(const struct place *p, int64_t *next, int64_t limit, json_t *list,
                     struct error *err)
{
    struct stmt *walk = walk_records(p, *next, limit, err);
    size_t bytes = 0;
    int rc = walk ? 1 : -1;
    while (rc == 1 && bytes < PAGE_BYTES_MAX && (rc = stmt_step(walk, err)) == 1) {
        bytes += stmt_len(walk, 5);
        if (add_record(p, walk, list, err) != 0)
            rc = -1;
        else
            *next = stmt_int(walk, 0) + 1;
    }
    stmt_close(walk);
    return rc < 0 ? -1 : 0;
}

/* No iterator behind the last record of a closed shard: the reader goes on with its children. */
static int give_page(struct place *p, int64_t next, int64_t limit, json_t **output,
                     struct ddb_fault *f)
{
    struct error err;
    json_t *following = NULL;
    json_t *list = json_array();
    int rc = list ? read_page(p, &next, limit, list, &err) : ddb_no_memory(f);
    if (list && rc != 0)
        ddb_internal(f, &err);
    const bool drained =
        p->shard.last != INT64_MAX && (next > p->shard.last || json_array_size(list) == 0);
    if (rc == 0 && !drained && !(following = iterator_json(p, next, f)))
        rc = -1;
    if (rc != 0) {
        json_decref(list);
        return -1;
    }
    *output = json_pack("{s:o, s:o*}", "Records", list, "NextShardIterator", following);
    return *output ? 0 : ddb_no_memory(f);
}

static int give_records(struct place *p, const struct ddb_stream_input *in, json_t **output,
                        struct ddb_fault *f)
{
    struct ddb_iterator it;
    struct error err;
    if (!ddb_iterator_read(in->iterator, &it))
        return ddb_invalid(f, "Invalid ShardIterator: it is not one that GetShardIterator or "
                              "GetRecords gave");
    if (ddb_stream_need(p->d, p->store, it.arn, &p->stream, f) != 0)
        return -1;
    if (clock_wall(p->d->clock) - it.issued > DDB_ITERATOR_AGE_MAX)
        return ddb_fault_set(f, "ExpiredIteratorException",
                             "Iterator expired: it is older than 15 minutes; get another one with "
                             "AFTER_SEQUENCE_NUMBER");
    int found = ddb_shard_find(p->store, p->stream.id, it.shard, &p->shard, &err);
    if (found < 0)
        return ddb_internal(f, &err);
    if (!found)
        return ddb_fault_set(f, "ResourceNotFoundException",
                             "Requested resource not found: the iterator's shard is gone");
    if (check_not_trimmed(p, it.next, f) != 0)
        return -1;
    return give_page(p, it.next, in->limit, output, f);
}

int ddb_get_records(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f)
{
    struct ddb_stream_input in = {.limit = RECORDS_MAX};
    if (ddb_input_read(records_fields, 2, input, &in, f) != 0)
        return -1;
    return at_one_moment(d, &in, output, give_records, f);
}
