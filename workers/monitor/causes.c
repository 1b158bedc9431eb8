/* Failed rows are sorted by reason; neighbours with equal reasons make a group; groups are sorted
 * by size. Names within a group are in order, so that equal runs tell equal sentences. */
#include "workers/monitor/causes.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS_SHOWN = 5, NAMES_SHOWN = 3, REASON_SHOWN = 160 };

/* Failed rows that count: those of tasks that have no better row. */
static const struct task_row **failed_rows(const struct task_rows *rows, const struct tally *tally,
                                           size_t *count)
{
    const struct task_row **out = calloc(rows->count + 1, sizeof *out);
    *count = 0;
    for (size_t i = 0; out && i < rows->count; i++) {
        const struct task_row *row = &rows->list[i];
        if (audit_status_final(row->status) &&
            tally_standing(tally, row->task_name) == STANDING_FAILED)
            out[(*count)++] = row;
    }
    return out;
}

/* By reason, then by name. */
static int by_reason(const void *a, const void *b)
{
    const struct task_row *x = *(const struct task_row *const *)a;
    const struct task_row *y = *(const struct task_row *const *)b;
    int order = strcmp(x->reason, y->reason);
    return order ? order : strcmp(x->task_name, y->task_name);
}

struct group {
    const struct task_row **first;
    size_t count;
};

/* Largest group first; equal ones in the order of their reasons. */
static int by_size(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : by_reason(x->first, y->first);
}

/* "2 x NoSuchKey: ... (task-01, task-02)". */
static void write_group(struct buf *out, const struct group *g)
{
    const char *reason = *g->first[0]->reason ? g->first[0]->reason : "no reason given";
    buf_addf(out, "%zu x %.*s%s (", g->count, REASON_SHOWN, reason,
             strlen(reason) > REASON_SHOWN ? "..." : "");
    for (size_t i = 0; i < g->count && i < NAMES_SHOWN; i++)
        buf_addf(out, "%s%.60s", i ? ", " : "", g->first[i]->task_name);
    buf_adds(out, g->count > NAMES_SHOWN ? ", ...)" : ")");
}

/* `failed` is sorted by reason: equal reasons are neighbours. Returns the number of groups. */
static size_t make_groups(const struct task_row **failed, size_t count, struct group *groups)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (n > 0 && strcmp(groups[n - 1].first[0]->reason, failed[i]->reason) == 0)
            groups[n - 1].count++;
        else
            groups[n++] = (struct group){.first = &failed[i], .count = 1};
    }
    qsort(groups, n, sizeof *groups, by_size);
    return n;
}

/* Two sorts: by reason to find equal ones, then the groups by size. */
int causes_text(const struct task_rows *rows, const struct tally *tally, int64_t number_of_tasks,
                struct buf *out, struct error *err)
{
    size_t count;
    const struct task_row **failed = failed_rows(rows, tally, &count);
    struct group *groups = calloc(rows->count + 1, sizeof *groups);
    if (!failed || !groups) {
        free(failed);
        free(groups);
        return err_set(err, ERR_MEMORY, "out of memory while grouping reasons");
    }
    qsort(failed, count, sizeof *failed, by_reason);
    size_t n = make_groups(failed, count, groups);
    buf_addf(out, "%lld of %lld tasks failed", (long long)tally->failed,
             (long long)number_of_tasks);
    for (size_t i = 0; i < n && i < GROUPS_SHOWN; i++) {
        buf_adds(out, i ? "; " : ": ");
        write_group(out, &groups[i]);
    }
    if (n > GROUPS_SHOWN)
        buf_addf(out, "; and %zu more reasons", n - GROUPS_SHOWN);
    free(failed);
    free(groups);
    return buf_check(out, err);
}
