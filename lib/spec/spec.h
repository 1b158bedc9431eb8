/* spec: the workflow spec, what a user submits. Parse, validate (all errors at once), complete.
 *
 * The starter kit's attributes are accepted as they stand; see specs/spec.schema.json. Pure
 * functions, no I/O; a struct spec belongs to its caller and may be read by many threads. */
#ifndef STEPFLEET_SPEC_H
#define STEPFLEET_SPEC_H

#include "lib/json/json_read.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPEC_TASKS_MAX = 10000,
    SPEC_NAME_MAX = 255,
    SPEC_MONITOR_SECONDS = 120, /* default monitorIntervalSeconds */
    SPEC_RUN_SECONDS = 86400,   /* default runTimeoutSeconds */
    SPEC_TASK_SECONDS = 21600,  /* default taskTimeoutSeconds */
    SPEC_CONCURRENCY = 40,      /* default maxConcurrency */
};
#define SPEC_RUN_ID_MAX INT64_C(9007199254740991) /* 2^53 - 1 */

struct spec_task {
    const char *task_name;
    const char *s3_bucket_name; /* the task's own or the spec's */
    const char *object_key;
};

/* All strings are borrowed from `root`. */
struct spec {
    json_t *root; /* the completed spec: defaults filled in; this is StartExecution's input */
    int pattern;  /* 1 or 2 */
    const char *region;
    const char *s3_bucket_name;
    const char *subnet_id_literal;
    const char *separator;
    const char *workflow_name;
    int64_t workflow_run_id; /* 0: not given */
    const char *security_group_id;
    const char *summary_table, *summary_hash_key, *summary_range_key;
    const char *details_table, *details_hash_key, *details_range_key;
    const char *cluster_name, *container_name, *task_definition;
    struct spec_task *tasks;
    size_t task_count;
    int64_t max_concurrency;
    int64_t monitor_interval_seconds;
    int64_t task_timeout_seconds;
    int64_t run_timeout_seconds;
    int64_t tolerated_failures;
};

/* Reads a spec. `pattern` is the request's (?pattern=) or 0; `defaults` is an object with
 * attributes that the deployment knows for this pattern (members of the spec that are absent are
 * taken from it), or NULL. On failure *out is empty and nothing needs freeing:
 *   ERR_SYNTAX       not JSON, message with line and column
 *   ERR_SPEC_INVALID `problems` lists every error with its JSON Pointer. */
int spec_parse(const char *text, size_t len, int pattern, const json_t *defaults, struct spec *out,
               struct json_problems *problems, struct error *err);
/* The same from a tree (borrowed, not changed): what the workers get as their event. */
int spec_read(const json_t *tree, int pattern, const json_t *defaults, struct spec *out,
              struct json_problems *problems, struct error *err);
void spec_free(struct spec *s); /* NULL members are fine */

/* What the pattern is, before defaults can be chosen: the hint, the spec's own `pattern`, or told
 * from workflowName and table names ("pattern-2", "pattern_2"); 0 if it cannot be told. */
int spec_guess_pattern(const json_t *tree, int hint);

/* Splits a literal (subnet ids, security groups) at each occurrence of the whole separator;
 * empty pieces are dropped, blanks around pieces trimmed. *list is one allocation: free(*list). */
int spec_split(const char *literal, const char *separator, char ***list, size_t *count,
               struct error *err);

/* Writes problems as one readable line for errors that have room for one line only. */
void spec_problems_text(const struct json_problems *problems, struct buf *out);

#endif
