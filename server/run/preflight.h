/* preflight: what a run will take, before anything is written: events, seconds, cost, and which
 * ceilings it meets. Pure functions; any thread.
 *
 * Numbers of events and transitions follow from infra/statemachines/ (a flow test compares them
 * with real histories); quotas and prices are tables here. */
#ifndef STEPFLEET_RUN_PREFLIGHT_H
#define STEPFLEET_RUN_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PREFLIGHT_INPUT_MAX = 262144,  /* bytes of an execution's input */
    PREFLIGHT_EVENTS_MAX = 25000,  /* of an execution's history */
    PREFLIGHT_OVERRIDE_MAX = 8192, /* characters of a task's overrides */
    PREFLIGHT_PER_SECOND = 20,     /* Fargate launches, sustained */
    PREFLIGHT_BURST = 100,         /* and at once */
    PREFLIGHT_MAP_MAX = 40,        /* iterations of an inline Map at once */
    PREFLIGHT_TASK_SECONDS = 60, /* assumed when nobody says better; also Fargate's least charge */
    PREFLIGHT_WARNINGS_MAX = 8,
    PREFLIGHT_WARNING_LEN = 256,
};

/* The size of the task definition that the templates make. */
#define PREFLIGHT_VCPU 1.0
#define PREFLIGHT_GB 2.0

/* What is known of the run. */
struct preflight_facts {
    int pattern;
    int64_t tasks;
    int64_t input_bytes;         /* as given to StartExecution */
    int64_t manifest_bytes;      /* of the list of tasks in S3; 0: it is in the input */
    int64_t override_characters; /* of the task with the most */
    int64_t task_seconds;        /* how long one task is thought to take; >= 1 */
    int64_t max_concurrency;
    int64_t monitor_interval_seconds;
    int64_t task_timeout_seconds;
    int64_t run_timeout_seconds;
};

/* What follows. */
struct preflight {
    int64_t start_seconds; /* until the last task was started */
    int64_t polls;         /* looks of the monitor */
    int64_t events_fixed, events_per_task, events_per_poll;
    int64_t events;           /* of the execution's own history */
    int64_t children;         /* executions that its Map starts, each with ... */
    int64_t events_per_child; /* ... a history of its own */
    int64_t transitions;      /* states entered, the children's too */
    double vcpu_hours, gb_hours;
    double transitions_usd, fargate_usd, total_usd;
    bool refused; /* a submission would be answered with an error */
    size_t warning_count;
    char warnings[PREFLIGHT_WARNINGS_MAX][PREFLIGHT_WARNING_LEN];
};

/* How the tasks are launched: by the launcher, by an inline Map, or by a distributed one, which
 * reads the manifest. */
enum preflight_kind { PREFLIGHT_LAUNCHER, PREFLIGHT_INLINE, PREFLIGHT_DISTRIBUTED };
/* Follows from pattern and manifest. */
enum preflight_kind preflight_kind(const struct preflight_facts *facts);

/* Fills *out. */
void preflight_compute(const struct preflight_facts *facts, struct preflight *out);
/* Adds a warning; beyond PREFLIGHT_WARNINGS_MAX it is dropped. */
void preflight_warn(struct preflight *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* One row of the price table. */
struct preflight_price {
    const char *item;
    double usd;
    const char *per;
    const char *source;
    const char *as_of;
};
enum preflight_item { PRICE_TRANSITIONS, PRICE_VCPU_HOUR, PRICE_GB_HOUR, PRICE_COUNT };
/* On-demand prices of us-east-1, Linux on x86; estimates all the same. */
extern const struct preflight_price preflight_prices[PRICE_COUNT];

#endif
