/* lib/verdict: what row, ECS and RunTask may say of a task, named after the threads where users met
 * it, and the verdict. */
#include "lib/json/json_read.h"
#include "lib/verdict/verdict.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW (INT64_C(1704164645) * CLOCK_SECOND)
#define AGO(seconds) (NOW - (seconds)*CLOCK_SECOND)
/* For records: NOW less some seconds, as ECS writes times. */
#define EPOCH_5 "1704164640"
#define EPOCH_600 "1704164045"
#define EPOCH_599 "1704164046"
#define STARTED ",\"startedAt\":" EPOCH_5
#define WORK "{\"name\":\"work\",\"exitCode\":"

enum row { NO_ROW, RUNNING, COMPLETED, FAILED, CANCELLED };

static const struct test_case {
    const char *name;
    const char *stop_code, *stopped_reason; /* of the row */
    int64_t exit_code;                      /* of the row; 0 stands for none unless it is final */
    const char *last_status;                /* NULL: ECS does not know the task */
    const char *record;                     /* further members */
    const char *refusal;
    int64_t row_start, watched_since;
    const char *told_code; /* stop code for the row */
    const char *reason;    /* part of the row's reason */
    const char *sentence;  /* part of the sentence */
    int64_t told_exit_code;
    enum row row;
    enum audit_status status;
    enum verdict_action action;
    enum verdict_class reason_class;
} cases[] = {
    /* --- rows that say it all --- */
    {"a final row wins over a running task", .row = FAILED, .stop_code = "EssentialContainerExited",
     .stopped_reason = "S3 CopyObject: NoSuchKey: The specified key does not exist.",
     .exit_code = 1, .last_status = "RUNNING", .status = AUDIT_FAILED,
     .reason_class = VERDICT_S3_NOT_FOUND, .told_code = "EssentialContainerExited",
     .reason = "NoSuchKey",
     .sentence = "S3 does not have what was to be copied (exit code 1): S3 "
                 "CopyObject: NoSuchKey: The specified key does not exist.",
     .told_exit_code = 1},
    {"a final row wins over a bad exit", .row = COMPLETED, .exit_code = 0, .last_status = "STOPPED",
     .record = ",\"containers\":[" WORK "1}]", .status = AUDIT_COMPLETED,
     .reason_class = VERDICT_NONE, .told_exit_code = 0},
    {"cancelled is final", .row = CANCELLED, .stopped_reason = "stopped by SIGTERM",
     .exit_code = 143, .row_start = AGO(9999), .status = AUDIT_CANCELLED,
     .reason_class = VERDICT_CANCELLED, .reason = "stopped by SIGTERM",
     .sentence = "The task was cancelled (exit code 143): stopped by SIGTERM.",
     .told_exit_code = 143},
    {"apache/airflow#15000: a failure without a reason", .row = FAILED, .exit_code = -1,
     .status = AUDIT_FAILED, .reason_class = VERDICT_UNKNOWN, .sentence = "left no reason.",
     .told_exit_code = -1},

    /* --- tasks that go on --- */
    {"both run", .row = RUNNING, .last_status = "RUNNING", .record = STARTED, .row_start = AGO(5),
     .status = AUDIT_RUNNING, .told_exit_code = -1},
    {"pending without a row", .last_status = "PENDING", .record = ",\"createdAt\":1704164595",
     .status = AUDIT_SUBMITTED, .told_exit_code = -1},
    {"running, its row is not there yet", .last_status = "RUNNING", .record = STARTED,
     .status = AUDIT_RUNNING, .told_exit_code = -1},

    /* --- died before its own update --- */
    {"gchq/sleeper#638: killed for memory after its Running row", .row = RUNNING,
     .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"EssentialContainerExited\",\"stoppedReason\":"
                       "\"Essential container in task exited\",\"containers\":[" WORK
                       "137,\"reason\":\"OutOfMemoryError: container killed due to memory\"}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_OUT_OF_MEMORY,
     .told_code = "EssentialContainerExited",
     .reason = "killed by signal 9 (exit code 137): OutOfMemoryError: container killed due to "
               "memory (Essential",
     .sentence = "ran out of memory and was killed (exit code 137): OutOfMemoryError",
     .told_exit_code = 137},
    {"localstack/localstack#7542: 137 without a word about memory", .row = RUNNING,
     .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"EssentialContainerExited\",\"containers\":[" WORK "137}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_KILLED,
     .told_code = "EssentialContainerExited", .reason = "killed by signal 9 (exit code 137)",
     .sentence = "The task was killed (exit code 137).", .told_exit_code = 137},
    {"dagster-io/dagster#17448: stopped by StopTask", .row = RUNNING, .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"UserInitiated\",\"stoppedReason\":\"OutOfMemory? no, "
                       "enough\",\"containers\":[" WORK "143}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_KILLED,
     .told_code = "UserInitiated", .reason = "signal 15 (exit code 143): OutOfMemory? no, enough",
     .sentence = "The task was killed (exit code 143): OutOfMemory? no, enough.",
     .told_exit_code = 143},
    {"PrefectHQ/prefect#22410: never placed, no row", .last_status = "STOPPED",
     .record = ",\"stopCode\":\"TaskFailedToStart\",\"stoppedReason\":\"Timeout waiting for "
               "network interface provisioning to complete.\",\"containers\":[{\"name\":\"work\"}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_FAILED_TO_START,
     .told_code = "TaskFailedToStart", .reason = "never ran: Timeout waiting for network",
     .sentence = "The task never started: Timeout waiting for network interface provisioning to "
                 "complete.",
     .told_exit_code = -1},
    {"nasa/cumulus#4582: a plain bad exit", .row = RUNNING, .last_status = "STOPPED",
     .record = STARTED ",\"containers\":[" WORK "3}]", .status = AUDIT_FAILED,
     .action = VERDICT_SETTLE, .reason_class = VERDICT_EXIT_CODE, .told_code = "Stopped",
     .reason = "ended with exit code 3", .sentence = "ended with an error (exit code 3).",
     .told_exit_code = 3},

    /* --- shown as success though nothing was done --- */
    {"apache/airflow#52943: exit code 0 with TaskFailedToStart", .last_status = "STOPPED",
     .record = ",\"stopCode\":\"TaskFailedToStart\",\"containers\":[" WORK "0}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_FAILED_TO_START,
     .told_code = "TaskFailedToStart", .sentence = "The task never started.", .told_exit_code = 0},
    {"apache/airflow#4039: containers without exit codes", .last_status = "STOPPED",
     .record = ",\"stopCode\":\"TaskFailedToStart\",\"stoppedReason\":\"CannotPullContainerError: "
               "no such image\",\"containers\":[{\"name\":\"work\"},{\"name\":\"log\"}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_IMAGE_PULL,
     .told_code = "TaskFailedToStart",
     .reason = "never ran: CannotPullContainerError: no such image",
     .sentence = "The container image could not be pulled: CannotPullContainerError: no such "
                 "image.",
     .told_exit_code = -1},
    {"kayac/ecspresso#534: no containers at all", .last_status = "STOPPED",
     .record = ",\"stopCode\":\"TaskFailedToStart\",\"containers\":[]", .status = AUDIT_FAILED,
     .action = VERDICT_SETTLE, .reason_class = VERDICT_FAILED_TO_START,
     .told_code = "TaskFailedToStart", .reason = "never ran", .told_exit_code = -1},
    {"row runs, exit code 0 is no completion", .row = RUNNING, .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"EssentialContainerExited\",\"containers\":[" WORK "0}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_NO_RESULT,
     .told_code = "EssentialContainerExited", .reason = "left no final row",
     .sentence = "without telling how its work went.", .told_exit_code = 0},

    /* --- several containers: what was given the work counts, the others are told --- */
    {"sil-org/ecs-deploy#222: a sidecar's bad exit after the work's own", .row = RUNNING,
     .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"EssentialContainerExited\",\"containers\":[{\"name\":"
                       "\"log\",\"exitCode\":2}," WORK "4}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_EXIT_CODE,
     .told_code = "EssentialContainerExited",
     .reason = "ended with exit code 4; its container \"log\" ended with exit code 2",
     .told_exit_code = 4},
    {"an essential sidecar took the work down", .row = RUNNING, .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"EssentialContainerExited\",\"stoppedReason\":\"Essential "
                       "container in task exited\",\"containers\":[{\"name\":\"proxy\","
                       "\"exitCode\":1}," WORK "143}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_CONTAINER_EXITED,
     .told_code = "EssentialContainerExited",
     .reason = "because its container \"proxy\" ended with exit code 1: Essential",
     .sentence = "A container that the task needs ended too early (exit code 143): the task was "
                 "ended because its container \"proxy\"",
     .told_exit_code = 143},
    {"a sidecar ran out of memory", .row = RUNNING, .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"EssentialContainerExited\",\"containers\":[" WORK
                       "137},{\"name\":\"log\",\"exitCode\":137,\"reason\":\"OutOfMemoryError\"}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_OUT_OF_MEMORY,
     .told_code = "EssentialContainerExited", .reason = "container \"log\"",
     .sentence = "container \"log\"", .told_exit_code = 137},
    {"sidecars that only followed are not told", .row = RUNNING, .last_status = "STOPPED",
     .record = STARTED ",\"containers\":[" WORK "3},{\"name\":\"log\",\"exitCode\":137}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_EXIT_CODE,
     .told_code = "Stopped", .reason = "the task ended with exit code 3", .told_exit_code = 3},

    /* --- starts that AWS refused --- */
    {"dagster-io/dagster#33439: throttling disguised as InvalidParameterException",
     .refusal = "ECS RunTask: InvalidParameterException: Rate exceeded", .status = AUDIT_FAILED,
     .action = VERDICT_SETTLE, .reason_class = VERDICT_THROTTLED, .told_code = "TaskFailedToStart",
     .reason = "Rate exceeded", .sentence = "AWS throttled the calls", .told_exit_code = -1},
    {"cdklabs/construct-hub#708: ThrottlingException",
     .refusal = "ECS.ThrottlingException: Rate exceeded", .status = AUDIT_FAILED,
     .action = VERDICT_SETTLE, .reason_class = VERDICT_THROTTLED, .told_code = "TaskFailedToStart",
     .told_exit_code = -1},
    {"apache/airflow#48001: no capacity",
     .refusal = "Capacity is unavailable at this time. Please try again later or in a different "
                "availability zone",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_CAPACITY,
     .told_code = "TaskFailedToStart", .reason = "Capacity is unavailable",
     .sentence = "AWS had no room for the task: Capacity", .told_exit_code = -1},
    {"gchq/sleeper#904: no memory on the instances", .refusal = "RESOURCE:MEMORY",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_CAPACITY,
     .told_code = "TaskFailedToStart", .told_exit_code = -1},
    {"no such cluster", .refusal = "ECS RunTask: ClusterNotFoundException: Cluster not found.",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_REFUSED,
     .told_code = "TaskFailedToStart", .told_exit_code = -1},
    {"refused without a word", .refusal = "", .status = AUDIT_FAILED, .action = VERDICT_SETTLE,
     .reason_class = VERDICT_FAILED_TO_START, .told_code = "TaskFailedToStart",
     .reason = "gave no reason", .told_exit_code = -1},
    {"aws-samples/retryable-ecs-run-task: the reason is inside the cause", .last_status = "STOPPED",
     .record = ",\"stopCode\":\"TaskFailedToStart\",\"stoppedReason\":"
               "\"ResourceInitializationError: unable to pull secrets: AccessDeniedException\"",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_FAILED_TO_START,
     .told_code = "TaskFailedToStart", .reason = "ResourceInitializationError",
     .told_exit_code = -1},
    {"PrefectHQ/prefect#20485: refused, but its task runs", .last_status = "RUNNING",
     .record = STARTED, .refusal = "HTTP 500", .status = AUDIT_RUNNING, .told_exit_code = -1},
    {"refused, but its row runs", .row = RUNNING, .refusal = "HTTP 500", .row_start = AGO(5),
     .status = AUDIT_RUNNING, .told_exit_code = -1},

    /* --- capacity that was taken away --- */
    {"Spot capacity was taken back", .row = RUNNING, .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"SpotInterruption\",\"stoppedReason\":\"Your Spot Task was "
                       "interrupted.\",\"containers\":[" WORK "137}]",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_SPOT,
     .told_code = "SpotInterruption", .sentence = "AWS took the task's Spot capacity back",
     .told_exit_code = 137},
    {"its machine was lost", .last_status = "STOPPED",
     .record = STARTED ",\"stopCode\":\"TerminationNotice\",\"stoppedReason\":\"the host is "
                       "gone\"",
     .status = AUDIT_FAILED, .action = VERDICT_SETTLE, .reason_class = VERDICT_HOST_LOST,
     .told_code = "TerminationNotice",
     .reason = "ended while it ran and left no exit code: the host is gone", .told_exit_code = -1},
    {"its row tells that it ran", .row = RUNNING, .last_status = "STOPPED",
     .record = ",\"stopCode\":\"TerminationNotice\"", .status = AUDIT_FAILED,
     .action = VERDICT_SETTLE, .reason_class = VERDICT_HOST_LOST, .told_code = "TerminationNotice",
     .reason = "ended while it ran", .told_exit_code = -1},
    {"its machine was lost as it began", .last_status = "STOPPED",
     .record = ",\"stopCode\":\"TerminationNotice\"", .status = AUDIT_FAILED,
     .action = VERDICT_SETTLE, .reason_class = VERDICT_HOST_LOST, .told_code = "TerminationNotice",
     .reason = "before its container was seen to run", .told_exit_code = -1},

    /* --- time --- */
    {"aws/containers-roadmap#291: runs for too long", .row = RUNNING, .last_status = "RUNNING",
     .record = ",\"startedAt\":" EPOCH_600, .row_start = AGO(600), .status = AUDIT_FAILED,
     .action = VERDICT_STOP, .reason_class = VERDICT_TIMED_OUT, .told_code = "TaskTimeout",
     .reason = "taskTimeoutSeconds (600)", .sentence = "The task was not done in time",
     .told_exit_code = -1},
    {"apache/airflow#33711: is pending for too long", .last_status = "PENDING",
     .record = ",\"createdAt\":" EPOCH_600, .status = AUDIT_FAILED, .action = VERDICT_STOP,
     .reason_class = VERDICT_TIMED_OUT, .told_code = "TaskTimeout",
     .reason = "the task did not start within taskTimeoutSeconds (600)", .told_exit_code = -1},
    {"not long enough yet", .row = RUNNING, .last_status = "RUNNING",
     .record = ",\"startedAt\":" EPOCH_599, .row_start = AGO(599), .status = AUDIT_RUNNING,
     .told_exit_code = -1},

    /* --- MISSING --- */
    {"just after its start", .row = RUNNING, .row_start = AGO(5), .watched_since = AGO(9999),
     .status = AUDIT_RUNNING, .told_exit_code = -1},
    {"aws/containers-roadmap#1246: ECS has forgotten it after an hour", .row = RUNNING,
     .row_start = AGO(3700), .watched_since = AGO(9), .status = AUDIT_FAILED,
     .action = VERDICT_SETTLE, .reason_class = VERDICT_LOST, .told_code = "TaskLost",
     .reason = "does not know it any more", .sentence = "Nobody knows how the task ended",
     .told_exit_code = -1},
    {"no trace yet", .watched_since = AGO(299), .status = AUDIT_SUBMITTED, .told_exit_code = -1},
    {"no trace for good", .watched_since = AGO(300), .status = AUDIT_FAILED,
     .action = VERDICT_SETTLE, .reason_class = VERDICT_LOST, .told_code = "TaskLost",
     .reason = "left no row", .told_exit_code = -1},
};

static enum audit_status status_of(enum row row)
{
    static const enum audit_status statuses[] = {AUDIT_SUBMITTED, AUDIT_RUNNING, AUDIT_COMPLETED,
                                                 AUDIT_FAILED, AUDIT_CANCELLED};
    return statuses[row];
}

/* The task as DescribeTasks tells it; NULL if ECS does not know it. */
static json_t *record_of(const struct test_case *c)
{
    struct buf text;
    json_t *task = NULL;
    struct error err = {0};
    if (!c->last_status)
        return NULL;
    buf_init(&text, BUF_MAX_LINE);
    buf_addf(&text,
             "{\"taskArn\":\"arn:aws:ecs:r:1:task/c/abc\",\"lastStatus\":\"%s\",\"overrides\":{"
             "\"containerOverrides\":[{\"name\":\"work\"}]}%s}",
             c->last_status, c->record ? c->record : "");
    cr_assert_eq(json_parse(buf_str(&text), text.len, &task, &err), 0, "%s", err.message);
    buf_free(&text);
    return task;
}

static void judge(const struct test_case *c, struct verdict *v)
{
    struct ecs_task record;
    json_t *task = record_of(c);
    const struct audit_detail row = {
        .status = status_of(c->row),
        .start_time = c->row_start,
        .stop_code = c->stop_code,
        .stopped_reason = c->stopped_reason,
        .exit_code = audit_status_final(status_of(c->row)) ? c->exit_code : -1,
    };
    if (task)
        cr_assert_eq(ecs_task_read(task, &record, NULL), 0);
    const struct verdict_evidence e = {
        .row = c->row == NO_ROW ? NULL : &row,
        .record = task ? &record : NULL,
        .refusal = c->refusal,
        .now = NOW,
        .watched_since = c->watched_since ? c->watched_since : AGO(9),
        .task_timeout_seconds = 600,
    };
    verdict_judge(&e, v);
    json_decref(task);
}

Test(verdict, judges_every_case)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct test_case *c = &cases[i];
        struct verdict v;
        judge(c, &v);
        cr_expect_eq(v.status, c->status, "%s: %s", c->name, audit_status_name(v.status));
        cr_expect_eq(v.action, c->action, "%s", c->name);
        cr_expect_eq(v.reason_class, c->reason_class, "%s: %s", c->name,
                     verdict_name(v.reason_class));
        cr_expect_str_eq(v.stop_code, c->told_code ? c->told_code : "", "%s", c->name);
        cr_expect(strstr(v.reason, c->reason ? c->reason : ""), "%s: \"%s\"", c->name, v.reason);
        cr_expect(strstr(v.sentence, c->sentence ? c->sentence : ""), "%s: \"%s\"", c->name,
                  v.sentence);
        cr_expect_eq(v.exit_code, c->told_exit_code, "%s", c->name);
        cr_expect_eq(*v.remedy != '\0', v.reason_class != VERDICT_NONE, "%s", c->name);
    }
}

/* What the monitor writes is all that the control plane sees: it must come to the same. */
Test(verdict, rows_tell_the_same_as_the_evidence)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct verdict v;
        char sentence[VERDICT_SENTENCE_MAX];
        judge(&cases[i], &v);
        const struct verdict_end end = {v.status, v.stop_code, v.reason, v.exit_code};
        cr_expect_eq(verdict_classify(&end), v.reason_class, "%s", cases[i].name);
        cr_expect_str_eq(verdict_sentence(&end, v.reason_class, sentence), v.sentence);
    }
}

/* Rows by the task itself, by launcher and control plane, and by foreign workers. */
Test(verdict, classifies_rows_of_all_writers)
{
    static const struct {
        struct verdict_end end;
        enum verdict_class reason_class;
    } rows[] = {
        {{AUDIT_FAILED, "EssentialContainerExited", "NoSuchKey: The key does not exist.", 1},
         VERDICT_S3_NOT_FOUND},
        {{AUDIT_FAILED, "EssentialContainerExited", "S3 CopyObject: NoSuchBucket: no", 1},
         VERDICT_S3_NOT_FOUND},
        {{AUDIT_FAILED, "EssentialContainerExited", "S3 HeadObject: HTTP 403", 1},
         VERDICT_S3_DENIED},
        {{AUDIT_FAILED, "EssentialContainerExited", "AccessDenied: Access Denied", 1},
         VERDICT_S3_DENIED},
        {{AUDIT_FAILED, "EssentialContainerExited", "S3 CopyObject: SlowDown: less", 1},
         VERDICT_S3_ERROR},
        {{AUDIT_FAILED, "EssentialContainerExited", "S3 CopyObject: Connection refused", 1},
         VERDICT_S3_ERROR},
        {{AUDIT_FAILED, "EssentialContainerExited",
          "DynamoDB PutItem: ResourceNotFoundException: none", 1},
         VERDICT_AWS_ERROR},
        {{AUDIT_FAILED, "EssentialContainerExited", "out of memory for 9 parts", 1},
         VERDICT_EXIT_CODE},
        {{AUDIT_FAILED, "EssentialContainerExited", NULL, -1}, VERDICT_CONTAINER_EXITED},
        {{AUDIT_FAILED, "TaskFailedToStart",
          "the launcher's time was up before this task could be started: Capacity is unavailable "
          "at this time",
          -1},
         VERDICT_CAPACITY},
        {{AUDIT_FAILED, "TaskFailedToStart",
          "You've reached the limit on the number of tasks you can run concurrently", -1},
         VERDICT_CAPACITY},
        {{AUDIT_FAILED, "RunTimeout", "the run took longer than runTimeoutSeconds (3)", -1},
         VERDICT_TIMED_OUT},
        {{AUDIT_FAILED, "RunFailed", "States.Runtime", -1}, VERDICT_RUN_ENDED},
        {{AUDIT_FAILED, NULL, "no final audit row was written", -1}, VERDICT_RUN_ENDED},
        {{AUDIT_FAILED, NULL, "Step Functions refused to start the run: no", -1}, VERDICT_REFUSED},
        {{AUDIT_CANCELLED, NULL, "the run was cancelled before the task ended", -1},
         VERDICT_CANCELLED},
        {{AUDIT_CANCELLED, "UserInitiated", "CannotPullContainerError", -1}, VERDICT_CANCELLED},
        {{AUDIT_RUNNING, NULL, NULL, -1}, VERDICT_NONE},
        {{AUDIT_COMPLETED, NULL, "NoSuchKey", 0}, VERDICT_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect_eq(verdict_classify(&rows[i].end), rows[i].reason_class, "row %zu: %s", i,
                     verdict_name(verdict_classify(&rows[i].end)));
}

Test(verdict, names_and_remedies_are_whole)
{
    struct error err = {0};
    enum verdict_class c = VERDICT_NONE;
    for (int i = VERDICT_NONE + 1; i < VERDICT_CLASS_COUNT; i++) {
        cr_expect_eq(verdict_parse(verdict_name((enum verdict_class)i), &c, &err), 0);
        cr_expect_eq((int)c, i);
        cr_expect(*verdict_remedy(c));
    }
    cr_expect_eq(verdict_parse("outofmemory", &c, &err), 0);
    cr_expect_eq(c, VERDICT_OUT_OF_MEMORY);
    cr_expect_eq(verdict_parse("None", &c, &err), -1);
    cr_expect(strstr(err.message, "\"None\" is no reason: use one of FailedToStart, Capacity"),
              "%s", err.message);
}

/* Reasons of a thousand characters are cut, and stay sentences. */
Test(verdict, cuts_long_words)
{
    char words[1200], out[VERDICT_SENTENCE_MAX];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    const struct verdict_end end = {AUDIT_FAILED, "TaskFailedToStart", words, -1};
    verdict_sentence(&end, VERDICT_FAILED_TO_START, out);
    cr_expect_str_eq(out + strlen(out) - 4, "x...");
    struct verdict v;
    const struct verdict_evidence e = {.refusal = words, .now = NOW, .watched_since = NOW};
    verdict_judge(&e, &v);
    cr_expect_eq(strlen(v.reason), sizeof v.reason - 1);
}
