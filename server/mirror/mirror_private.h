/* mirror_private: the mirror's own structs. Private to server/mirror. */
#ifndef STEPFLEET_MIRROR_PRIVATE_H
#define STEPFLEET_MIRROR_PRIVATE_H

#include "lib/audit/audit.h"
#include "lib/json/json_pull.h"
#include "server/loop/pace.h"
#include "server/loop/seen.h"
#include "server/loop/trouble.h"
#include "server/mirror/mirror.h"
#include "server/store/store.h"
#include "server/stream/stream.h"

enum { MIRROR_TEXT_MAX = 512 };

struct mirror {
    const struct loop *loop;
    int64_t interval;
    void (*moved)(void *ctx, int64_t run_id);
    void *ctx;
    int run_count; /* followed and not finished */
    struct mirror_run *runs;
    struct stream *streams[2]; /* NULL: not followed */
};

/* One run. It has at most one call in flight (`busy`); when it is left meanwhile (`left`), the
 * callback frees it.
 *
 *     wait for pace.due -> pass: page, page, ... last page -> wait
 *     and once `finishing`: a pass that begins after mirror_finish -> summary row -> finished
 *
 * A page that fails ends its pass; the next one begins at the first page again, which is cheap
 * because `seen` drops what is in the store. */
struct mirror_run {
    struct mirror *mirror;
    struct mirror_run *next;
    int64_t id;
    char *names; /* one allocation that the tables' texts point into */
    const char *workflow_name;
    struct audit_table details, summary;
    const struct stream *stream; /* of its details table; NULL: it is not followed */

    bool busy, left;
    struct trouble trouble;
    struct pace pace;
    struct seen seen; /* rows that are in the store as they are; empty while mirror_streams */

    json_t *start_key; /* of the next page; NULL: the first */
    bool in_pass;
    int64_t pass_began;
    int64_t pass_due; /* when it should have begun */
    bool pass_moved;

    bool finishing; /* a last pass is wanted */
    bool last_pass; /* the one under way is it */
    bool want_summary;
    bool finished;
    struct mirror_end end;
    char reason[MIRROR_TEXT_MAX];
    char problem[MIRROR_TEXT_MAX];
};

/* Reads one answer of a Query into the store; *key is the next page's start (a new reference) or
 * NULL, *moved is set when a row was news, which may be so with -1 as well. */
int mirror_take_page(struct mirror_run *r, const struct aws_response *response, json_t **key,
                     bool *moved, struct error *err);

/* Rows of one run and one answer on their way into the store. On the caller's stack. */
struct mirror_rows {
    struct mirror_run *run;
    struct audit_detail *list; /* not in the store yet */
    size_t count;
    struct json_texts texts; /* theirs */
    bool moved;              /* rows were put into the store */
    size_t unread;           /* items that make no sense */
    struct error why;        /* of the first one */
};
/* -1: ERR_MEMORY; mirror_rows_close in any case. */
int mirror_rows_open(struct mirror_rows *rows, struct mirror_run *r, size_t answer_len,
                     struct error *err);
/* Takes the reader's next value, an item of the run. -1: it cannot be stored. */
int mirror_rows_add(struct mirror_rows *rows, struct json_pull *item, struct error *err);
/* Stores the rest if rc is 0; sets *moved when a row was news. -1 if rc is that already, or now. */
int mirror_rows_close(struct mirror_rows *rows, int rc, bool *moved, struct error *err);

/* --- mirror_stream.c --- */

/* Makes the streams of the options' tables. -1: ERR_MEMORY. */
int mirror_open_streams(struct mirror *m, const struct mirror_options *options, struct error *err);
/* The stream of a run's table, or NULL. */
const struct stream *mirror_stream_of(const struct mirror *m, const char *table);
/* Whether the run's rows come by themselves since the last complete pass began. */
bool mirror_streams(const struct mirror_run *r);
/* Runs came or went: streams are read more often while there are some. */
void mirror_expect(struct mirror *m);

#endif
