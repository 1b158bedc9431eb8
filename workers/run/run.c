/* One field table serves both directions; members keep the names of the spec's attributes. */
#include "workers/run/run.h"

#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct run, member)
#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, FIELD_STRING, true, AT(member), 1, INT32_MAX                                         \
    }
#define NUMBER(name, member)                                                                       \
    {                                                                                              \
        name, FIELD_INT, false, AT(member), 0, SPEC_RUN_ID_MAX                                     \
    }

static const struct field run_fields[] = {
    TEXT("workflowName", workflow_name),
    TEXT("ddbTableNameWFSummary", summary.table),
    TEXT("hashKeyWFSummary", summary.hash_key),
    TEXT("rangeKeyWFSummary", summary.range_key),
    TEXT("ddbTableNameWFDetails", details.table),
    TEXT("hashKeyWFDetails", details.hash_key),
    TEXT("rangeKeyWFDetails", details.range_key),
    TEXT("clusterName", cluster_name),
    NUMBER("workflowRunId", workflow_run_id),
    NUMBER("numberOfTasks", number_of_tasks),
    NUMBER("monitorIntervalSeconds", monitor_interval_seconds),
    NUMBER("toleratedFailures", tolerated_failures),
    NUMBER("taskTimeoutSeconds", task_timeout_seconds),
    NUMBER("runTimeoutSeconds", run_timeout_seconds),
    NUMBER("launched", launched),
    NUMBER("refused", refused),
    NUMBER("historyEvents", history_events),
    NUMBER("poll", poll),
    NUMBER("waitSeconds", wait_seconds),
    NUMBER("completed", completed),
    NUMBER("failed", failed),
    NUMBER("running", running),
};
enum { RUN_FIELDS = sizeof run_fields / sizeof run_fields[0] };

static const struct {
    const char *name;
    size_t offset;
} run_times[] = {
    {"startTime", AT(start_time)},
    {"watchedSince", AT(watched_since)},
};
enum { RUN_TIMES = sizeof run_times / sizeof run_times[0] };

/* Times travel as RFC 3339, which people can read in the execution's history. */
static int read_times(json_t *object, struct run *out, struct error *err)
{
    for (size_t i = 0; i < RUN_TIMES; i++) {
        const char *text = json_str(object, run_times[i].name, NULL);
        int64_t wall = 0;
        if (text && clock_parse_rfc3339(text, &wall, err) != 0)
            return err_wrap(err, "%s", run_times[i].name);
        memcpy((char *)out + run_times[i].offset, &wall, sizeof wall);
    }
    return 0;
}

/* Defaults stand where the spec's own would: a spec that is read as a run is not completed yet. */
int run_read(json_t *object, struct run *out, struct error *err)
{
    struct json_problems problems = {0};
    *out = (struct run){
        .monitor_interval_seconds = SPEC_MONITOR_SECONDS,
        .task_timeout_seconds = SPEC_TASK_SECONDS,
        .run_timeout_seconds = SPEC_RUN_SECONDS,
    };
    int rc = 0;
    if (json_read_fields(run_fields, RUN_FIELDS, object, "", false, out, &problems) > 0) {
        const struct json_problem *first = problems.count ? problems.list : NULL;
        rc = err_set(err, ERR_SYNTAX, "the run in the event: %s %s",
                     first && *first->pointer ? first->pointer : "it",
                     first ? first->detail : "is not valid");
    }
    json_problems_free(&problems);
    return rc == 0 ? read_times(object, out, err) : rc;
}

/* The start and the monitor's own members stay 0. */
void run_from_spec(const struct spec *spec, struct run *out)
{
    *out = (struct run){
        .workflow_name = spec->workflow_name,
        .workflow_run_id = spec->workflow_run_id,
        .number_of_tasks = (int64_t)spec->task_count,
        .summary = {spec->summary_table, spec->summary_hash_key, spec->summary_range_key},
        .details = {spec->details_table, spec->details_hash_key, spec->details_range_key},
        .cluster_name = spec->cluster_name,
        .monitor_interval_seconds = spec->monitor_interval_seconds,
        .tolerated_failures = spec->tolerated_failures,
        .task_timeout_seconds = spec->task_timeout_seconds,
        .run_timeout_seconds = spec->run_timeout_seconds,
    };
}

/* The member's value as JSON, by the table's type. */
static json_t *field_value(const struct field *f, const struct run *run)
{
    const char *slot = (const char *)run + f->offset;
    const char *text;
    int64_t number;
    if (f->type == FIELD_STRING) {
        memcpy(&text, slot, sizeof text);
        return json_string(text);
    }
    memcpy(&number, slot, sizeof number);
    return json_integer(number);
}

/* Every member is written, also those that are 0: people read the run in the execution's history.
 */
json_t *run_write(const struct run *run)
{
    json_t *out = json_object();
    int bad = !out;
    for (size_t i = 0; i < RUN_FIELDS && !bad; i++)
        bad = json_object_set_new(out, run_fields[i].name, field_value(&run_fields[i], run));
    for (size_t i = 0; i < RUN_TIMES && !bad; i++) {
        char text[CLOCK_TEXT_MAX];
        int64_t wall;
        memcpy(&wall, (const char *)run + run_times[i].offset, sizeof wall);
        if (wall > 0)
            bad =
                json_object_set_new(out, run_times[i].name, json_string(clock_rfc3339(wall, text)));
    }
    if (!bad)
        return out;
    json_decref(out);
    return NULL;
}

/* The same execution gives the same id in every try, without anything being stored. */
int run_id_of_execution(const char *name, const char *start_time, int64_t *id, struct error *err)
{
    unsigned char hash[SHA256_BYTES];
    int64_t wall;
    if (clock_parse_rfc3339(start_time, &wall, err) != 0)
        return err_wrap(err, "the execution's start time");
    if (crypto_sha256(name, strlen(name), hash, err) != 0)
        return -1;
    /* Executions tell milliseconds; the name's hash tells apart those of the same one. */
    *id = wall - wall % CLOCK_MS + (hash[0] << 8 | hash[1]) % CLOCK_MS;
    if (*id < 1 || *id > SPEC_RUN_ID_MAX)
        return err_set(err, ERR_ARGUMENT, "no run id can be made of the start time %.40s",
                       start_time);
    return 0;
}

/* ECS finds tasks by it, however many there are (at most 128 characters are allowed). */
char *run_started_by(int64_t run_id, char out[RUN_STARTED_BY_MAX])
{
    (void)snprintf(out, RUN_STARTED_BY_MAX, "stepfleet-%lld", (long long)run_id);
    return out;
}

/* ECS takes up to 64 characters: a SHA-256 in hexadecimal digits is just that. */
int run_client_token(int64_t run_id, const char *task_name, char out[SHA256_HEX], struct error *err)
{
    char text[RUN_ID_TEXT_MAX + SPEC_NAME_MAX + 2];
    int len = snprintf(text, sizeof text, "%lld/%s", (long long)run_id, task_name);
    if (len < 0 || (size_t)len >= sizeof text)
        return err_set(err, ERR_LIMIT, "the task name \"%.40s...\" is too long", task_name);
    return crypto_sha256_hex(text, (size_t)len, out, err);
}

int run_stand_in_id(const char *prefix, int64_t run_id, const char *task_name,
                    char out[RUN_TASK_ID_MAX], struct error *err)
{
    char token[SHA256_HEX];
    if (run_client_token(run_id, task_name, token, err) != 0)
        return -1;
    (void)snprintf(out, RUN_TASK_ID_MAX, "%s-%.32s", prefix, token);
    return 0;
}

bool run_is_stand_in(const char *task_id)
{
    return strncmp(task_id, "lost-", 5) == 0 || strncmp(task_id, "not-started-", 12) == 0;
}
