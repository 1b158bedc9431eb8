/* One page of audit rows on its way into the store. */
#include "server/mirror/mirror_private.h"

#include "lib/aws/dynamodb.h"

#include <stdlib.h>

/* All of a row that can change. */
static uint64_t row_hash(const struct audit_detail *row)
{
    uint64_t hash = seen_hash_text(SEEN_START, row->ecs_task_id);
    hash = seen_hash(hash, &row->status, sizeof row->status);
    hash = seen_hash(hash, &row->update_time, sizeof row->update_time);
    hash = seen_hash(hash, &row->attempt, sizeof row->attempt);
    hash = seen_hash(hash, &row->bytes, sizeof row->bytes);
    return seen_hash_text(hash, row->stop_code);
}

/* 1: news, 0: the store has it as it is; -1: memory is out. Rows that come by themselves are not
 * remembered: they come once, and their passes are few. */
static int is_news(struct mirror_run *r, const struct audit_detail *row)
{
    return mirror_streams(r) ? 1 : seen_add(&r->seen, row_hash(row));
}

/* The rows of the page that are news; *rows is the caller's to free. */
static int new_rows(struct mirror_run *r, json_t *items, struct audit_detail **rows, size_t *count,
                    struct error *err)
{
    json_t *item;
    size_t i;
    *count = 0;
    *rows = calloc(json_array_size(items) + 1, sizeof **rows);
    if (!*rows)
        return err_set(err, ERR_MEMORY, "out of memory for audit rows");
    json_array_foreach (items, i, item) {
        struct audit_detail *row = &(*rows)[*count];
        struct error why = {0};
        if (audit_detail_read(item, &r->details, row, &why)) {
            log_warn(r->mirror->loop->log, "an audit row cannot be read", LOG_INT("run_id", r->id),
                     LOG_STR("error", why.message));
            continue;
        }
        int added = is_news(r, row);
        if (added < 0)
            return err_set(err, ERR_MEMORY, "out of memory for audit rows");
        *count += (size_t)added;
    }
    return 0;
}

/* Rows are remembered as seen before they are stored, so a failure to store them forgets all. */
int mirror_take_items(struct mirror_run *r, json_t *items, bool *moved, struct error *err)
{
    struct audit_detail *rows;
    size_t count;
    int rc = new_rows(r, items, &rows, &count, err);
    if (!rc && count)
        rc = store_tasks_mirror(r->mirror->loop->store, r->id, rows, count, err);
    free(rows);
    if (rc) {
        /* What was noted as seen is not in the store. */
        seen_free(&r->seen);
        return -1;
    }
    *moved = *moved || count > 0;
    return 0;
}

int mirror_take_page(struct mirror_run *r, const struct aws_response *response, json_t **key,
                     bool *moved, struct error *err)
{
    if (mirror_take_items(r, dynamodb_items(response), moved, err))
        return -1;
    *key = json_incref(dynamodb_last_key(response));
    return 0;
}
