/* local: the embedded AWS endpoint, the only door to server/local. Only server/app knows it.
 *
 * At start it holds what the CloudFormation stacks would have made for both patterns, under the
 * same names: tables, buckets (with the example specs' input objects), cluster, task definition,
 * functions, state machines. State is below `dir` and survives kill -9. */
#ifndef STEPFLEET_LOCAL_H
#define STEPFLEET_LOCAL_H

#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"

#include <stddef.h>
#include <stdint.h>

struct local;

struct spec;

/* Names of the functions that are held; their ARNs go into the definitions. */
#define LOCAL_LAUNCHER "task-launcher"
#define LOCAL_MONITOR "task-monitor"

/* A state machine to hold: name and definition with its substitutions done by the caller. */
struct local_machine {
    const char *name;
    const char *definition;
};

struct local_options {
    const char *dir;
    const char *host;
    uint16_t port;           /* 0: a free one */
    const char *advertise;   /* what callers are told to call; NULL: the gate itself */
    const char *workers_dir; /* task-launcher, task-monitor, s3-copy-task */
    const char *region;
    const struct spec *specs; /* the example specs: their tables, buckets, cluster ... are made */
    size_t spec_count;
    const struct local_machine *machines;
    size_t machine_count;
    const struct clock *clock;
    const struct log *log;
};

/* NULL with one clear sentence (port in use, folder not writable, worker missing, damaged file). */
struct local *local_open(const struct local_options *options, struct error *err);
/* "http://HOST:PORT" of the gate. Borrowed, lives as long as `l`. */
const char *local_url(const struct local *l);
/* The folder of the tasks' logs: <ECS task id>.log each. Borrowed, lives as long as `l`. */
const char *local_task_logs(const struct local *l);
/* Ends in order: gate, engine, functions, tasks. NULL-safe; returns NULL. */
struct local *local_close(struct local *l);

#endif
