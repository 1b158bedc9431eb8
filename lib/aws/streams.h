/* streams: building calls of DynamoDB Streams and reading their answers. Pure functions, any
 * thread. Texts and trees in results are borrowed from the response's json, but for records: their
 * answer stays text (as_text).
 *
 * A stream is a lineage of shards: read a shard to its end before its children. A parent that the
 * stream no longer tells has been trimmed. */
#ifndef STEPFLEET_AWS_STREAMS_H
#define STEPFLEET_AWS_STREAMS_H

#include "lib/aws/answer_list.h"

/* DescribeTable (a call to DynamoDB itself), for the name of a table's stream. */
int streams_describe_table(struct aws_request *r, const char *table, struct error *err);
/* The ARN in its answer; NULL if the table has no stream, or only one that was disabled. */
const char *streams_arn(const struct aws_response *response);

/* DescribeStream, one page of shards, behind `after` (NULL: from the first one). */
int streams_describe(struct aws_request *r, const char *arn, const char *after, struct error *err);
/* Shards of its answer, a borrowed array; NULL if there are none. */
json_t *streams_shards(const struct aws_response *response);
/* Behind which shard the next page begins; NULL on the last page. */
const char *streams_last_shard(const struct aws_response *response);

struct streams_shard {
    const char *id;
    const char *parent; /* "": none */
    const char *first;  /* sequence numbers */
    const char *last;   /* "": the shard is open */
};
/* Reads a shard. -1 with ERR_SYNTAX if it has no ShardId. */
int streams_shard_read(json_t *shard, struct streams_shard *out, struct error *err);

/* Where reading begins; the last two need a sequence number. */
enum streams_from { STREAMS_OLDEST, STREAMS_LATEST, STREAMS_AT, STREAMS_AFTER };
struct streams_start {
    const char *arn;
    const char *shard;
    enum streams_from from;
    const char *sequence;
};
/* GetShardIterator. -1 with ERR_ARGUMENT when a sequence number is needed and there is none. */
int streams_iterator(struct aws_request *r, const struct streams_start *in, struct error *err);
/* The iterator of its answer, good for 15 minutes; NULL if there is none. */
const char *streams_iterator_of(const struct aws_response *response);

enum { STREAMS_RECORDS_MAX = 1000 };
/* GetRecords of up to `limit` records (0: as many as one answer holds). Retrying it is harmless.
 * No record at all means: go on later. */
int streams_records(struct aws_request *r, const char *iterator, int64_t limit, struct error *err);

enum { STREAMS_EVENT_MAX = 16, STREAMS_SEQUENCE_MAX = 64 };
struct streams_record {
    char event[STREAMS_EVENT_MAX]; /* INSERT, MODIFY, REMOVE */
    char sequence[STREAMS_SEQUENCE_MAX];
    int64_t created;             /* wall microseconds, to a second or so; 0 if absent */
    bool expired;                /* removed by TimeToLive */
    struct json_slice keys;      /* an object */
    struct json_slice new_image; /* an object; text NULL: not in the view, or there is none */
};

/* Records of an answer, one by one. Slices are borrowed from its body. */
struct streams_page {
    struct answer_list list;
    size_t count;                        /* records so far, unsound ones included */
    bool sound;                          /* the last of them was */
    char sequence[STREAMS_SEQUENCE_MAX]; /* of the last one, */
    int64_t created;                     /* if it was sound */
};
/* Begins before the first record. The answer is borrowed until the page is done with. */
void streams_page_open(struct streams_page *page, const struct aws_response *response);
/* The next record that has keys, event and sequence number: others are passed over. False: there
 * are no more, as often as it is asked. */
bool streams_page_next(struct streams_page *page, struct streams_record *out);
/* Passes over what is left. *iterator: to go on with, the caller's to free; NULL: the shard is
 * closed and was read to its end. -1 with *iterator NULL: ERR_SYNTAX if the text or its last record
 * is unsound, ERR_MEMORY. */
int streams_page_end(struct streams_page *page, char **iterator, struct error *err);

/* As strcmp; the numbers are decimal and too long for any integer type. */
int streams_sequence_compare(const char *a, const char *b);

#endif
