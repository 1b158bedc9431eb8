/* stop_signal: SIGTERM and SIGINT as something to ask for, without handlers and without state.
 *
 * The signals are blocked and read from a signalfd, which also works for a container's process 1.
 * The struct belongs to main. */
#ifndef STEPFLEET_WORKERS_STOP_SIGNAL_H
#define STEPFLEET_WORKERS_STOP_SIGNAL_H

#include "lib/base/error.h"

#include <stdint.h>

struct stop_signal {
    int fd;
    bool came;
};

/* Blocks the signals in this thread (and threads it starts later). */
int stop_signal_open(struct stop_signal *s, struct error *err);
/* The signals stay blocked: a late one must not kill a process that is writing its last row. */
void stop_signal_close(struct stop_signal *s);
/* True once one of the signals has come. Fit as `stop` of calls and copies; ctx is the struct. */
bool stop_signal_came(void *ctx);
/* Waits until a signal comes or `ms` have passed. */
void stop_signal_wait(struct stop_signal *s, int64_t ms);

#endif
