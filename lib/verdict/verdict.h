/* verdict: what became of one task, why, and what to do. Pure, no I/O, no clock; any thread.
 *
 * verdict_judge weighs all that can be known of a task: its audit row (lib/audit), its description
 * by ECS (lib/aws/ecs) and what RunTask said when it started nothing. The end it comes to is told
 * in the columns that an audit row has (struct verdict_end), and verdict_classify tells the class
 * of an end from these columns alone: so the monitor, which writes the row, and the control plane,
 * which only ever sees the row, cannot disagree. */
#ifndef STEPFLEET_VERDICT_H
#define STEPFLEET_VERDICT_H

#include "lib/audit/audit.h"
#include "lib/aws/ecs.h"

/* Why a task did not complete: class, its name (stored, and part of the REST contract), what it
 * means, what to do. */
#define VERDICT_TABLE(X)                                                                           \
    X(VERDICT_NONE, "None", "", "")                                                                \
    X(VERDICT_FAILED_TO_START, "FailedToStart", "The task never started",                          \
      "Read what ECS says; network, secrets, roles and volumes of the task definition are the "    \
      "usual causes. Then retry.")                                                                 \
    X(VERDICT_CAPACITY, "CapacityUnavailable", "AWS had no room for the task",                     \
      "Retry later, add subnets in other zones, or raise the account's quota.")                    \
    X(VERDICT_THROTTLED, "Throttled", "AWS throttled the calls that start tasks",                  \
      "Retry; start fewer tasks at a time or raise the account's rates.")                          \
    X(VERDICT_IMAGE_PULL, "ImagePull", "The container image could not be pulled",                  \
      "Check the image's name and tag, the execution role's rights and the way to the registry.")  \
    X(VERDICT_OUT_OF_MEMORY, "OutOfMemory", "The task ran out of memory and was killed",           \
      "Give the task definition more memory, then retry.")                                         \
    X(VERDICT_EXIT_CODE, "ExitCode", "The task's program ended with an error",                     \
      "Read the task's log, mend the program or its input, then retry.")                           \
    X(VERDICT_KILLED, "Killed", "The task was killed",                                             \
      "Ask who stopped it (StopTask, a deployment, the host). If nobody did, look at its memory: " \
      "exit code 137 is often that. Then retry.")                                                  \
    X(VERDICT_TIMED_OUT, "TimedOut", "The task was not done in time",                              \
      "Raise taskTimeoutSeconds or runTimeoutSeconds, or make the work smaller; then retry.")      \
    X(VERDICT_SPOT, "SpotInterruption", "AWS took the task's Spot capacity back",                  \
      "Retry, or run on Fargate on demand.")                                                       \
    X(VERDICT_HOST_LOST, "HostLost", "The machine under the task went away", "Retry.")             \
    X(VERDICT_CONTAINER_EXITED, "EssentialContainerExited",                                        \
      "A container that the task needs ended too early",                                           \
      "Read that container's log and mend it, or make it non-essential; then retry.")              \
    X(VERDICT_NO_RESULT, "NoResult", "The task ended without telling how its work went",           \
      "Read the task's log: it must write its final row before it exits. Then retry.")             \
    X(VERDICT_CANCELLED, "Cancelled", "The task was cancelled",                                    \
      "Retry it if it is still wanted. If nobody cancelled the run, ask who stopped the task "     \
      "(StopTask, Spot).")                                                                         \
    X(VERDICT_LOST, "Lost", "Nobody knows how the task ended",                                     \
      "Read the task's log and look for its copy; then retry.")                                    \
    X(VERDICT_RUN_ENDED, "RunEnded", "The run ended before the task did",                          \
      "Look at the run's own reason; then retry.")                                                 \
    X(VERDICT_S3_NOT_FOUND, "S3NotFound", "S3 does not have what was to be copied",                \
      "Check bucket and key in the spec.")                                                         \
    X(VERDICT_S3_DENIED, "S3AccessDenied", "S3 refused the task access",                           \
      "Allow the task role s3:GetObject, s3:PutObject and s3:ListBucket on the bucket, and the "   \
      "use of its KMS key if it has one.")                                                         \
    X(VERDICT_S3_ERROR, "S3Error", "S3 failed to copy the object",                                 \
      "Retry; if it fails again, look the error up in S3's list of error codes.")                  \
    X(VERDICT_AWS_ERROR, "AwsError", "A call to AWS failed",                                       \
      "Look the error up, mend its cause, then retry.")                                            \
    X(VERDICT_REFUSED, "Refused", "AWS refused the request to start the task",                     \
      "Mend what the message names (cluster, task definition, network, rights); then retry.")      \
    X(VERDICT_UNKNOWN, "Unknown", "The task failed and left no reason",                            \
      "Read the task's log; then retry.")

enum verdict_class {
#define X(value, name, meaning, remedy) value,
    VERDICT_TABLE(X)
#undef X
        VERDICT_CLASS_COUNT
};

/* "OutOfMemory"; "None" for a class that is none. */
const char *verdict_name(enum verdict_class c);
/* The class with this name, any case; -1 with ERR_ARGUMENT that lists them all. */
int verdict_parse(const char *name, enum verdict_class *out, struct error *err);
/* What to do about it; "" for VERDICT_NONE. */
const char *verdict_remedy(enum verdict_class c);

/* How a task ended, as a row of the audit table or of the cache keeps it. Borrowed. */
struct verdict_end {
    enum audit_status status;
    const char *stop_code;      /* NULL or "": none */
    const char *stopped_reason; /* the same */
    int64_t exit_code;          /* negative: none */
};
/* VERDICT_NONE unless it failed or was cancelled. A task that was stopped with its Spot capacity or
 * for a sidecar has the status Cancelled, by its own word, and that class. */
enum verdict_class verdict_classify(const struct verdict_end *end);

enum { VERDICT_REASON_MAX = 512, VERDICT_SENTENCE_MAX = 400, VERDICT_STOP_CODE_MAX = 64 };

/* One plain sentence about an end of that class; returns out ("" for VERDICT_NONE). */
const char *verdict_sentence(const struct verdict_end *end, enum verdict_class c,
                             char out[VERDICT_SENTENCE_MAX]);

/* Failures belong together when they have class, stop code and exit code in common and the first
 * characters of their reasons: behind these are names and ids that differ from task to task. */
enum { VERDICT_GROUP_CHARS = 80 };

/* After RunTask, ECS may not know a task for some minutes (DescribeTasks is eventually consistent).
 */
enum { VERDICT_GRACE_SECONDS = 300 };

/* All that can be known of a task:
 *
 *     row     record    refusal  verdict
 *     final   any       any      as the row says: it is the task's own word
 *     open    running   any      goes on; to be stopped once older than taskTimeoutSeconds
 *     open    stopped   any      failed, by exit code and ECS's words
 *     open    none      any      goes on for the grace period since the row's start, then lost
 *     none    running   any      goes on; to be stopped once older than taskTimeoutSeconds
 *     none    stopped   any      failed, by exit code and ECS's words
 *     none    none      some     failed: never started
 *     none    none      none     goes on for the grace period since the first look, then lost
 *
 * An exit code of 0 without a final row is a failure: our task writes its row first. */
struct verdict_evidence {
    const struct audit_detail *row; /* NULL: none was written */
    const struct ecs_task *record;  /* NULL: ECS does not know the task (MISSING) */
    const char *refusal;            /* RunTask's words instead of a task; NULL: none */
    int64_t now;
    int64_t watched_since;        /* first look at the run: launches were over then */
    int64_t task_timeout_seconds; /* 0: none */
};

/* What is to be done about the task. */
enum verdict_action {
    VERDICT_LEAVE,  /* nothing: it goes on, or its row says it all */
    VERDICT_SETTLE, /* a final row is to be written */
    VERDICT_STOP,   /* the same, and the ECS task is to be stopped */
};

/* Texts are copied; the remedy is a constant. */
struct verdict {
    enum audit_status status;
    enum verdict_action action;
    enum verdict_class reason_class;
    char stop_code[VERDICT_STOP_CODE_MAX]; /* for the row, with reason and exit code */
    char reason[VERDICT_REASON_MAX];
    int64_t exit_code; /* -1: none */
    char sentence[VERDICT_SENTENCE_MAX];
    const char *remedy;
};

/* Fills *out completely. */
void verdict_judge(const struct verdict_evidence *e, struct verdict *out);

/* Of a task whose row is a farewell (AUDIT_FAREWELL): why ECS stopped it, with VERDICT_SETTLE.
 * False: ECS says no more than the row does. */
bool verdict_explain(const struct ecs_task *record, struct verdict *out);

#endif
