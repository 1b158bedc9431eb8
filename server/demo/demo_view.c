/* Bars that are drawn over the old ones by moving the cursor up, or lines for pipes and logs. */
#include "server/demo/demo_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_CELLS = 30 };

void demo_view_open(struct demo_view *v)
{
    *v = (struct demo_view){.terminal = isatty(STDOUT_FILENO) == 1};
}

/* '#' completed, 'x' failed, '>' running, '.' to come. */
static void make_bar(const struct demo_progress *p, char out[BAR_CELLS + 1])
{
    int64_t total = p->total > 0 ? p->total : 1;
    for (int i = 0; i < BAR_CELLS; i++) {
        int64_t task = i * total / BAR_CELLS;
        char cell = '.';
        if (task < p->completed)
            cell = '#';
        else if (task < p->completed + p->failed)
            cell = 'x';
        else if (task < p->completed + p->failed + p->running)
            cell = '>';
        out[i] = cell;
    }
    out[BAR_CELLS] = '\0';
}

/* The same words for bars and lines. */
static void counts(const struct demo_progress *p, char *out, size_t size)
{
    (void)snprintf(out, size,
                   "%2" PRId64 " done, %" PRId64 " failed, %2" PRId64 " running of %" PRId64
                   "  %-9s",
                   p->completed, p->failed, p->running, p->total, p->status);
}

/* The cursor goes up by as many lines as were drawn; \033[K clears what the old line had more. */
static void show_bars(struct demo_view *v, const struct demo_progress *progress)
{
    char bar[BAR_CELLS + 1];
    char text[96];
    if (v->drawn)
        (void)printf("\033[%dA", DEMO_RUNS);
    for (int i = 0; i < DEMO_RUNS; i++) {
        make_bar(&progress[i], bar);
        counts(&progress[i], text, sizeof text);
        (void)printf("\r  pattern %d  [%s]  %s\033[K\n", progress[i].pattern, bar, text);
    }
    v->drawn = true;
}

/* Only lines that say something new. */
static void show_lines(struct demo_view *v, const struct demo_progress *progress)
{
    char text[96];
    for (int i = 0; i < DEMO_RUNS; i++) {
        counts(&progress[i], text, sizeof text);
        if (strcmp(text, v->last[i]) == 0)
            continue;
        (void)printf("  pattern %d: %s\n", progress[i].pattern, text);
        memcpy(v->last[i], text, sizeof text);
    }
}

void demo_view_show(struct demo_view *v, const struct demo_progress progress[DEMO_RUNS])
{
    if (v->terminal)
        show_bars(v, progress);
    else
        show_lines(v, progress);
    (void)fflush(stdout);
}
