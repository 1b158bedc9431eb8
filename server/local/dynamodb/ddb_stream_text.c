/* Names of streams, shards, records and iterators. Other programs may only copy and compare them;
 * we read them strictly, because what looks like an old iterator may be somebody's typing error. */
#include "server/local/dynamodb/ddb_stream.h"

#include "lib/crypto/crypto.h"
#include "server/local/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_PART "/stream/"
#define TABLE_PART ":table/"
/* Makes 21 digits of a number of up to 19. */
#define SEQUENCE_PREFIX "10"
#define SHARD_PREFIX "shardId-"
#define ITERATOR_PART "|1|"

enum { CHECK_DIGITS = 16, FIELDS_ROOM = 96 };

char *ddb_stream_label(int64_t created, char out[CLOCK_TEXT_MAX])
{
    clock_rfc3339(created, out);
    out[strcspn(out, "Z")] = '\0';
    return out;
}

char *ddb_stream_arn(const char *region, const char *table, const char *label,
                     char out[DDB_ARN_ROOM])
{
    (void)snprintf(out, DDB_ARN_ROOM,
                   "arn:aws:dynamodb:%.40s:" LOCAL_ACCOUNT TABLE_PART "%.255s" STREAM_PART "%.39s",
                   region, table, label);
    return out;
}

/* Copies `len` bytes as a text; false if there is none, or not room enough. */
static bool copy_part(char *out, size_t room, const char *from, size_t len)
{
    if (len == 0 || len >= room)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

bool ddb_stream_arn_read(const char *arn, char table[DDB_TABLE_NAME_ROOM],
                         char label[CLOCK_TEXT_MAX])
{
    const char *name = strstr(arn, TABLE_PART);
    const char *end = name ? strstr(name, STREAM_PART) : NULL;
    if (!end || strncmp(arn, "arn:", 4) != 0)
        return false;
    name += sizeof TABLE_PART - 1;
    const char *text = end + sizeof STREAM_PART - 1;
    return copy_part(table, DDB_TABLE_NAME_ROOM, name, (size_t)(end - name)) &&
           copy_part(label, CLOCK_TEXT_MAX, text, strlen(text));
}

char *ddb_sequence_text(int64_t sequence, char out[DDB_SEQUENCE_TEXT])
{
    (void)snprintf(out, DDB_SEQUENCE_TEXT, SEQUENCE_PREFIX "%019" PRId64, sequence);
    return out;
}

bool ddb_sequence_read(const char *text, int64_t *sequence)
{
    char again[DDB_SEQUENCE_TEXT];
    if (strncmp(text, SEQUENCE_PREFIX, sizeof SEQUENCE_PREFIX - 1) != 0)
        return false;
    *sequence = strtoll(text + sizeof SEQUENCE_PREFIX - 1, NULL, 10);
    return *sequence < INT64_MAX && strcmp(ddb_sequence_text(*sequence, again), text) == 0;
}

char *ddb_shard_text(int64_t id, int64_t created, char out[DDB_SHARD_TEXT])
{
    (void)snprintf(out, DDB_SHARD_TEXT, SHARD_PREFIX "%020" PRId64 "-%08" PRIx64,
                   created / CLOCK_MS, (uint64_t)id);
    return out;
}

bool ddb_shard_read(const char *text, int64_t *id)
{
    const char *dash = strrchr(text, '-');
    if (strncmp(text, SHARD_PREFIX, sizeof SHARD_PREFIX - 1) != 0 || strlen(text) < 28)
        return false;
    *id = strtoll(dash + 1, NULL, 16);
    return *id > 0;
}

/* The fields, and digits by which a text that was cut or changed is known. */
static int fields_text(const struct ddb_iterator *it, char out[FIELDS_ROOM], struct error *err)
{
    char whole[DDB_ARN_ROOM + FIELDS_ROOM];
    char hex[SHA256_HEX];
    int n = snprintf(out, FIELDS_ROOM, "%" PRId64 " %" PRId64 " %" PRId64 " ", it->shard, it->next,
                     it->issued);
    int all = snprintf(whole, sizeof whole, "%s|%s", it->arn, out);
    if (crypto_sha256_hex(whole, (size_t)all, hex, err) != 0)
        return -1;
    (void)snprintf(out + n, FIELDS_ROOM - (size_t)n, "%.*s", CHECK_DIGITS, hex);
    return 0;
}

int ddb_iterator_text(const struct ddb_iterator *it, char out[DDB_ITERATOR_ROOM], struct error *err)
{
    char fields[FIELDS_ROOM];
    if (fields_text(it, fields, err) != 0)
        return -1;
    int n = snprintf(out, DDB_ITERATOR_ROOM, "%s" ITERATOR_PART, it->arn);
    crypto_base64(fields, strlen(fields), out + n);
    return 0;
}

/* Three numbers out of what stands behind the ARN; what follows them is left to the comparison. */
static bool read_fields(const char *text, struct ddb_iterator *it)
{
    char fields[4 * FIELDS_ROOM];
    int64_t *const numbers[] = {&it->shard, &it->next, &it->issued};
    size_t len = 0;
    struct error err;
    if (strlen(text) > sizeof fields ||
        crypto_base64_decode(text, strlen(text), (unsigned char *)fields, &len, &err) != 0 ||
        len >= sizeof fields)
        return false;
    fields[len] = '\0';
    char *at = fields;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = strtoll(at, &at, 10);
    return true;
}

/* Whatever was read must give the same text again. */
bool ddb_iterator_read(const char *text, struct ddb_iterator *it)
{
    char again[DDB_ITERATOR_ROOM];
    struct error err;
    const char *part = strstr(text, ITERATOR_PART);
    if (!part || !copy_part(it->arn, sizeof it->arn, text, (size_t)(part - text)))
        return false;
    return read_fields(part + sizeof ITERATOR_PART - 1, it) &&
           ddb_iterator_text(it, again, &err) == 0 && strcmp(again, text) == 0;
}
