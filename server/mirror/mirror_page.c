/* Audit rows on their way from an answer's text into the store, batch by batch: how many rows there
 * are is not known before they are read. */
#include "server/mirror/mirror_private.h"

#include "lib/aws/dynamodb.h"

#include <stdlib.h>

/* A page of 1 MB has some three thousand rows. */
enum { BATCH = 4096 };

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

/* One text may be a task's id and its name, if the table calls its key so. */
int mirror_rows_open(struct mirror_rows *rows, struct mirror_run *r, size_t answer_len,
                     struct error *err)
{
    *rows = (struct mirror_rows){.run = r, .list = reallocarray(NULL, BATCH, sizeof *rows->list)};
    if (!rows->list)
        return err_set(err, ERR_MEMORY, "out of memory for audit rows");
    return json_texts_open(&rows->texts, 2 * answer_len, err);
}

/* Puts the batch into the store. */
static int store_rows(struct mirror_rows *rows, struct error *err)
{
    if (rows->count && store_tasks_mirror(rows->run->mirror->loop->store, rows->run->id, rows->list,
                                          rows->count, err))
        return -1;
    rows->moved = rows->moved || rows->count > 0;
    rows->count = 0;
    json_texts_reset(&rows->texts, 0);
    return 0;
}

int mirror_rows_add(struct mirror_rows *rows, struct json_pull *item, struct error *err)
{
    const size_t mark = rows->texts.len;
    struct audit_detail *row = &rows->list[rows->count];
    struct error *why = rows->unread ? NULL : &rows->why;
    if (audit_detail_pull(item, &rows->run->details, &rows->texts, row, why)) {
        rows->unread++;
        json_texts_reset(&rows->texts, mark);
        return 0;
    }
    const int added = is_news(rows->run, row);
    if (added < 0)
        return err_set(err, ERR_MEMORY, "out of memory for audit rows");
    if (!added)
        json_texts_reset(&rows->texts, mark);
    rows->count += (size_t)added;
    return rows->count < BATCH ? 0 : store_rows(rows, err);
}

/* Rows are remembered as seen before they are stored, so a failure to store them forgets all. */
int mirror_rows_close(struct mirror_rows *rows, int rc, bool *moved, struct error *err)
{
    struct mirror_run *r = rows->run;
    if (!rc)
        rc = store_rows(rows, err);
    if (rc)
        seen_free(&r->seen);
    if (rows->unread)
        log_warn(r->mirror->loop->log, "audit rows cannot be read", LOG_INT("run_id", r->id),
                 LOG_INT("rows", (int64_t)rows->unread), LOG_STR("error", rows->why.message));
    *moved = *moved || rows->moved;
    json_texts_free(&rows->texts);
    free(rows->list);
    return rc;
}

int mirror_take_page(struct mirror_run *r, const struct aws_response *response, json_t **key,
                     bool *moved, struct error *err)
{
    struct mirror_rows rows;
    struct dynamodb_page page;
    *key = NULL;
    dynamodb_page_open(&page, response);
    int rc = mirror_rows_open(&rows, r, response->http.body.len, err);
    while (!rc && dynamodb_page_next(&page))
        rc = mirror_rows_add(&rows, &page.list.pull, err);
    if (!rc)
        rc = dynamodb_page_end(&page, key, err);
    rc = mirror_rows_close(&rows, rc, moved, err);
    if (rc) {
        json_decref(*key);
        *key = NULL;
    }
    return rc;
}
