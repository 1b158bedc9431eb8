/* demo_view: progress of the two runs: bars on a terminal, plain lines elsewhere. One thread. */
#ifndef STEPFLEET_DEMO_VIEW_H
#define STEPFLEET_DEMO_VIEW_H

#include <stdbool.h>
#include <stdint.h>

enum { DEMO_RUNS = 2 };

/* What GET /workflows/{id} said last. */
struct demo_progress {
    int64_t id;
    int pattern;
    char status[16];
    char reason[512];
    char execution_arn[256];
    char execution_status[16];
    int64_t total, running, completed, failed;
    bool over;
};

struct demo_view {
    bool terminal;
    bool drawn;               /* bars are on the screen already */
    char last[DEMO_RUNS][96]; /* plain lines: what was said last */
};

/* Finds out whether standard output is a terminal. */
void demo_view_open(struct demo_view *v);
/* Draws the bars anew, or prints a line for each run that has moved. */
void demo_view_show(struct demo_view *v, const struct demo_progress progress[DEMO_RUNS]);

#endif
