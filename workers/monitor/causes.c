/* Failed rows are sorted by class and reason; neighbours that belong together make a group; groups
 * are sorted by size. Names within a group are in order, so that equal runs tell equal sentences.
 */
#include "workers/monitor/causes.h"

#include "lib/base/utf8.h"
#include "lib/verdict/verdict.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS_SHOWN = 5, NAMES_SHOWN = 3, REASON_SHOWN = 160, NAME_SHOWN = 60 };

/* A failed row and what kind of failure it is. */
struct failure {
    const struct task_row *row;
    enum verdict_class reason_class;
};

static enum verdict_class class_of(const struct task_row *row)
{
    const struct verdict_end end = {row->status, row->stop_code, row->reason, row->exit_code};
    return verdict_classify(&end);
}

/* Failed rows that count: those of tasks that have no better row. */
static struct failure *failed_rows(const struct task_rows *rows, const struct tally *tally,
                                   size_t *count)
{
    struct failure *out = calloc(rows->count + 1, sizeof *out);
    *count = 0;
    for (size_t i = 0; out && i < rows->count; i++) {
        const struct task_row *row = &rows->list[i];
        if (audit_status_final(row->status) &&
            tally_standing(tally, row->task_name) == STANDING_FAILED)
            out[(*count)++] = (struct failure){row, class_of(row)};
    }
    return out;
}

/* 0 for failures that belong together. */
static int compare_kind(const struct failure *x, const struct failure *y)
{
    if (x->reason_class != y->reason_class)
        return x->reason_class < y->reason_class ? -1 : 1;
    return strncmp(x->row->reason, y->row->reason, VERDICT_GROUP_CHARS);
}

/* By kind, then by name. */
static int by_kind(const void *a, const void *b)
{
    const struct failure *x = a, *y = b;
    int order = compare_kind(x, y);
    return order ? order : strcmp(x->row->task_name, y->row->task_name);
}

struct group {
    const struct failure *first;
    size_t count;
};

/* Largest group first; equal ones in the order of their kinds. */
static int by_size(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : by_kind(x->first, y->first);
}

/* "2 x S3NotFound: NoSuchKey: ... (task-01, task-02)". */
static void write_group(struct buf *out, const struct group *g)
{
    const char *reason = *g->first->row->reason ? g->first->row->reason : "no reason given";
    buf_addf(out, "%zu x %s: %.*s%s (", g->count, verdict_name(g->first->reason_class),
             (int)utf8_fit(reason, REASON_SHOWN), reason,
             strlen(reason) > REASON_SHOWN ? "..." : "");
    for (size_t i = 0; i < g->count && i < NAMES_SHOWN; i++) {
        const char *name = g->first[i].row->task_name;
        buf_addf(out, "%s%.*s", i ? ", " : "", (int)utf8_fit(name, NAME_SHOWN), name);
    }
    buf_adds(out, g->count > NAMES_SHOWN ? ", ...)" : ")");
}

/* `failed` is sorted by kind: equal kinds are neighbours. Returns the number of groups. */
static size_t make_groups(const struct failure *failed, size_t count, struct group *groups)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (n > 0 && compare_kind(groups[n - 1].first, &failed[i]) == 0)
            groups[n - 1].count++;
        else
            groups[n++] = (struct group){.first = &failed[i], .count = 1};
    }
    qsort(groups, n, sizeof *groups, by_size);
    return n;
}

/* Two sorts: by kind to find equal ones, then the groups by size. */
int causes_text(const struct task_rows *rows, const struct tally *tally, int64_t number_of_tasks,
                struct buf *out, struct error *err)
{
    size_t count;
    struct failure *failed = failed_rows(rows, tally, &count);
    struct group *groups = calloc(rows->count + 1, sizeof *groups);
    if (!failed || !groups) {
        free(failed);
        free(groups);
        return err_set(err, ERR_MEMORY, "out of memory while grouping reasons");
    }
    qsort(failed, count, sizeof *failed, by_kind);
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
