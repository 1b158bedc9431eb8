/* Rows of map runs and their items, and the rows of children as results. */
#include "server/local/sfn/map_run.h"
#include "server/local/sfn/sfn_db_private.h"
#include "server/local/sfn/sfn_schema.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS_ROW_BYTES = 64 * 1024 };

static int delete_items(struct sfn_db *db, int64_t run, struct error *err)
{
    struct stmt *s = db->statements[DELETE_MAP_ITEMS];
    stmt_bind_int(s, 1, run << SFN_ITEM_BITS);
    stmt_bind_int(s, 2, (run + 1) << SFN_ITEM_BITS);
    return stmt_run(s, err);
}

/* The items of a run that has ended are of no use. */
int sfn_db_put_map_run(struct sfn_db *db, const struct map_run *run, struct error *err)
{
    struct stmt *s = db->statements[PUT_MAP_RUN];
    stmt_bind_int(s, 1, run->id);
    stmt_bind_text(s, 2, run->arn);
    stmt_bind_int(s, 3, run->execution);
    stmt_bind_text(s, 4, run->machine_arn);
    stmt_bind_int(s, 5, run->status);
    stmt_bind_int(s, 6, run->started);
    stmt_bind_int(s, 7, run->stopped);
    stmt_bind_int(s, 8, run->total);
    stmt_bind_int(s, 9, run->limits.concurrency);
    stmt_bind_int(s, 10, (int64_t)run->limits.tolerated_count);
    stmt_bind_real(s, 11, run->limits.tolerated_percentage);
    stmt_bind_int(s, 12, run->batch_items);
    if (stmt_run(s, err))
        return -1;
    return run->status == MAP_RUN_RUNNING ? 0 : delete_items(db, run->id, err);
}

static int put_row(struct sfn_db *db, int64_t run, int64_t first, int64_t next, const char *lines,
                   size_t len, struct error *err)
{
    struct stmt *s = db->statements[PUT_MAP_ITEMS];
    stmt_bind_int(s, 1, run << SFN_ITEM_BITS | first);
    stmt_bind_int(s, 2, next - first);
    stmt_bind_textn(s, 3, lines, len);
    return stmt_run(s, err);
}

int sfn_db_put_map_items(struct sfn_db *db, int64_t run, const struct buf *lines, struct error *err)
{
    const char *text = buf_str(lines);
    size_t done = 0;
    int64_t first = 0;
    while (done < lines->len) {
        size_t end = done;
        int64_t next = first;
        while (end < lines->len && end - done < ITEMS_ROW_BYTES) {
            const char *newline = memchr(text + end, '\n', lines->len - end);
            end = (size_t)(newline - text) + 1;
            next++;
        }
        if (put_row(db, run, first, next, text + done, end - done, err))
            return -1;
        done = end;
        first = next;
    }
    return 0;
}

char *sfn_db_map_items(struct sfn_db *db, int64_t run, int64_t index, int64_t *first,
                       int64_t *count, struct error *err)
{
    struct stmt *s = db->statements[GET_MAP_ITEMS];
    char *lines = NULL;
    stmt_bind_int(s, 1, run << SFN_ITEM_BITS | index);
    stmt_bind_int(s, 2, run << SFN_ITEM_BITS);
    int step = stmt_step(s, err);
    if (step == 1) {
        *first = stmt_int(s, 0) - (run << SFN_ITEM_BITS);
        *count = stmt_int(s, 1);
        lines = index < *first + *count ? strdup(stmt_text(s, 2)) : NULL;
    }
    stmt_reset(s);
    if (!lines && step >= 0)
        err_set(err, ERR_DATABASE, "the items of the map run are not stored");
    return lines;
}

int sfn_db_map_children(struct sfn_db *db, int64_t run, bool succeeded, int64_t after,
                        int (*each)(void *ctx, const struct map_child_row *row), void *ctx,
                        struct error *err)
{
    struct stmt *s = db->statements[GET_MAP_CHILDREN];
    int step;
    int rc = 0;
    stmt_bind_int(s, 1, run);
    stmt_bind_int(s, 2, after);
    stmt_bind_int(s, 3, succeeded);
    while (rc == 0 && (step = stmt_step(s, err)) == 1) {
        struct map_child_row row;
        sfn_db_read_execution(s, &row.execution);
        row.number = row.execution.map_item;
        rc = each(ctx, &row);
        if (rc < 0)
            err_set(err, ERR_DATABASE, "a result of the map run cannot be read");
    }
    if (rc == 0 && step < 0)
        rc = -1;
    stmt_reset(s);
    return rc < 0 ? -1 : 0;
}

int sfn_map_counts_read(struct stmt *s, int64_t run, struct map_counts *out, struct error *err)
{
    int step;
    *out = (struct map_counts){0};
    stmt_bind_int(s, 1, run);
    while ((step = stmt_step(s, err)) == 1) {
        int64_t status = stmt_int(s, 0);
        if (status < 0 || status >= MAP_COUNTS)
            continue;
        out->children[status] = stmt_int(s, 1);
        out->items[status] = stmt_int(s, 2);
    }
    stmt_reset(s);
    return step < 0 ? -1 : 0;
}

int sfn_db_map_counts(struct sfn_db *db, int64_t run, struct map_counts *out, struct error *err)
{
    return sfn_map_counts_read(db->statements[GET_MAP_COUNTS], run, out, err);
}

int sfn_db_map_running(struct sfn_db *db, int (*each)(void *ctx, const struct map_run_row *row),
                       void *ctx, struct error *err)
{
    int step = -1;
    struct stmt *s =
        db_prepare(db->db, MAP_RUN_COLUMNS " FROM map_run WHERE status = 0 ORDER BY id", err);
    while (s && (step = stmt_step(s, err)) == 1) {
        const struct map_run_row row = {.id = stmt_int(s, 0),
                                        .arn = stmt_text(s, 1),
                                        .execution = stmt_int(s, 2),
                                        .machine_arn = stmt_text(s, 3),
                                        .started = stmt_int(s, 5),
                                        .total = stmt_int(s, 7),
                                        .concurrency = stmt_int(s, 8),
                                        .tolerated_count = stmt_int(s, 9),
                                        .tolerated_percentage = stmt_real(s, 10)};
        if (each(ctx, &row)) {
            step = err_set(err, ERR_MEMORY, "out of memory for the map runs that run");
            break;
        }
    }
    stmt_close(s);
    return step == 0 ? 0 : -1;
}
