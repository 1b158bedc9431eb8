/* The checks of a spec, from the field tables down to what tables cannot say. No check stops at
 * what another has found: attributes that a table refused stay NULL (or at their default) and are
 * skipped by the later checks, so that each mistake is told once. */
#include "lib/spec/spec_check.h"

#include "lib/spec/spec_rules.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECONDS_MAX 31536000 /* a year: what Step Functions grants an execution */

enum {
    LITERAL_MAX = 4096,
    LABELS_MAX = 50,
    LABEL_NAME_MAX = 128,
    LABEL_VALUE_MAX = 256,
    /* S3 takes keys of 1024 bytes; the copy's key is ours plus '_' and a task id of 32. */
    OBJECT_KEY_MAX = 1024 - 33,
    SUBNETS_MAX = 16, /* ECS API Reference, AwsVpcConfiguration */
    SECURITY_GROUPS_MAX = 5,
};

/* What one reading needs besides the result. */
struct reading {
    struct spec *s;
    const json_t *given; /* what the user wrote: the pattern is told from it alone */
    struct spec a;       /* the attributes as the table reads them */
    int64_t own_pattern;
    json_t *task_list;
    json_t *labels;
    json_t *manifest;
    struct json_problems *problems;
};

#define AT(member) offsetof(struct reading, member)
#define NAME(name, required, member)                                                               \
    {                                                                                              \
        name, FIELD_STRING, required, AT(member), 1, SPEC_NAME_MAX                                 \
    }
#define NUMBER(name, member, min, max)                                                             \
    {                                                                                              \
        name, FIELD_INT, false, AT(member), min, max                                               \
    }

/* A new attribute is a row here, a member of struct spec, and a property in specs/spec.schema.json;
 * a rule for its text is a row of text_rules. */
static const struct field attributes[] = {
    NAME("region", true, a.region),
    NAME("s3BucketName", false, a.s3_bucket_name),
    {"subnetIdLiteral", FIELD_STRING, true, AT(a.subnet_id_literal), 1, LITERAL_MAX},
    {"separator", FIELD_STRING, false, AT(a.separator), 1, 16},
    NAME("workflowName", true, a.workflow_name),
    {"securityGroupId", FIELD_STRING, true, AT(a.security_group_id), 1, LITERAL_MAX},
    NAME("ddbTableNameWFSummary", true, a.summary_table),
    NAME("hashKeyWFSummary", true, a.summary_hash_key),
    NAME("rangeKeyWFSummary", true, a.summary_range_key),
    NAME("ddbTableNameWFDetails", true, a.details_table),
    NAME("hashKeyWFDetails", true, a.details_hash_key),
    NAME("rangeKeyWFDetails", true, a.details_range_key),
    NAME("clusterName", true, a.cluster_name),
    NAME("containerName", true, a.container_name),
    NAME("taskDefinition", true, a.task_definition),
    {"workflowRunId", FIELD_INT, false, AT(a.workflow_run_id), 1, SPEC_RUN_ID_MAX},
    {"taskList", FIELD_ARRAY, true, AT(task_list), 1, SPEC_TASKS_MAX},
    {"pattern", FIELD_INT, false, AT(own_pattern), 0, 0},
    NUMBER("maxConcurrency", a.max_concurrency, 1, 1000),
    NUMBER("monitorIntervalSeconds", a.monitor_interval_seconds, 1, 3600),
    NUMBER("taskTimeoutSeconds", a.task_timeout_seconds, 1, SECONDS_MAX),
    NUMBER("runTimeoutSeconds", a.run_timeout_seconds, 1, SECONDS_MAX),
    NUMBER("toleratedFailures", a.tolerated_failures, 0, SPEC_TASKS_MAX),
    {"labels", FIELD_OBJECT, false, AT(labels), 0, 0},
    {"taskManifest", FIELD_JSON, false, AT(manifest), 0, 0},
};

static const struct field task_attributes[] = {
    {"taskName", FIELD_STRING, true, offsetof(struct spec_task, task_name), 1, SPEC_NAME_MAX},
    {"s3BucketName", FIELD_STRING, false, offsetof(struct spec_task, s3_bucket_name), 1,
     SPEC_NAME_MAX},
    {"objectKey", FIELD_STRING, true, offsetof(struct spec_task, object_key), 1, OBJECT_KEY_MAX},
};

/* Which rule an attribute's text must obey once it has passed the table. */
static const struct {
    const char *pointer;
    size_t offset;
    spec_rule_fn rule;
} text_rules[] = {
    {"/region", AT(a.region), spec_rule_region},
    {"/s3BucketName", AT(a.s3_bucket_name), spec_rule_bucket},
    {"/workflowName", AT(a.workflow_name), spec_rule_workflow_name},
    {"/ddbTableNameWFSummary", AT(a.summary_table), spec_rule_table},
    {"/hashKeyWFSummary", AT(a.summary_hash_key), spec_rule_summary_key},
    {"/rangeKeyWFSummary", AT(a.summary_range_key), spec_rule_summary_key},
    {"/ddbTableNameWFDetails", AT(a.details_table), spec_rule_table},
    {"/hashKeyWFDetails", AT(a.details_hash_key), spec_rule_details_key},
    {"/rangeKeyWFDetails", AT(a.details_range_key), spec_rule_details_key},
    {"/clusterName", AT(a.cluster_name), spec_rule_ecs_name},
    {"/containerName", AT(a.container_name), spec_rule_container},
    {"/taskDefinition", AT(a.task_definition), spec_rule_ecs_name},
};

/* NULL passes: the table has told what is wrong with it. */
static void check_rule(struct json_problems *problems, const char *pointer, const char *text,
                       spec_rule_fn rule)
{
    const char *wrong = text ? rule(text) : NULL;
    if (wrong)
        json_problem_add(problems, pointer, "%s", wrong);
}

/* A text that the table refused is still NULL and passes here. */
static void check_texts(struct reading *r)
{
    for (size_t i = 0; i < COUNT(text_rules); i++) {
        const char *text;
        memcpy(&text, (const char *)r + text_rules[i].offset, sizeof text);
        check_rule(r->problems, text_rules[i].pointer, text, text_rules[i].rule);
    }
}

/* `pointer` must not hold what the attribute `other` holds. */
static void check_differ(struct reading *r, const char *pointer, const char *text,
                         const char *other, const char *other_text)
{
    if (text && other_text && strcmp(text, other_text) == 0)
        json_problem_add(r->problems, pointer, "must differ from %s, both are \"%s\"", other, text);
}

/* DynamoDB has one attribute for each key, and the two tables' keys have different types. */
static void check_tables(struct reading *r)
{
    check_differ(r, "/rangeKeyWFSummary", r->a.summary_range_key, "hashKeyWFSummary",
                 r->a.summary_hash_key);
    check_differ(r, "/rangeKeyWFDetails", r->a.details_range_key, "hashKeyWFDetails",
                 r->a.details_hash_key);
    check_differ(r, "/ddbTableNameWFDetails", r->a.details_table, "ddbTableNameWFSummary",
                 r->a.summary_table);
}

/* The request's word and the spec's own must agree; names decide only where both are silent. */
static void check_pattern(struct reading *r, int hint)
{
    bool own_is_known = r->own_pattern == 1 || r->own_pattern == 2;
    const json_t *member = json_object_get(r->given, "pattern");
    bool has_own = json_is_integer(member);
    if (hint != 0 && hint != 1 && hint != 2)
        json_problem_add(r->problems, "/pattern",
                         "must be 1 or 2, but the request asks for pattern %d", hint);
    else if (has_own && !own_is_known)
        json_problem_add(r->problems, "/pattern", "must be 1 or 2, it is %lld",
                         (long long)r->own_pattern);
    else if (has_own && hint != 0 && hint != r->own_pattern)
        json_problem_add(r->problems, "/pattern", "is %lld, but the request asks for pattern %d",
                         (long long)r->own_pattern, hint);
    else if (!member || json_is_null(member) || has_own)
        r->s->pattern = spec_guess_pattern(r->given, hint);
    else
        return; /* of another type, which the table has told already */
    if (r->s->pattern == 0 && !has_own && hint == 0)
        json_problem_add(r->problems, "/pattern",
                         "cannot be told from the workflow's and tables' names: set \"pattern\" "
                         "to 1 or 2, or post to /workflows?pattern=1");
}

/* Splits a literal and checks number and form of its pieces. */
static int check_pieces(struct reading *r, const char *pointer, const char *literal, size_t max,
                        spec_rule_fn rule, struct error *err)
{
    if (!literal || !r->a.separator)
        return 0;
    char **list;
    size_t count;
    if (spec_split(literal, r->a.separator, &list, &count, err) != 0)
        return -1;
    if (count == 0 || count > max)
        json_problem_add(r->problems, pointer,
                         "must name 1 to %zu ids with \"%s\" between them, it names %zu", max,
                         r->a.separator, count);
    for (size_t i = 0; i < count; i++) {
        const char *wrong = rule(list[i]);
        if (wrong)
            json_problem_add(r->problems, pointer, "\"%.60s\" %s; the separator is \"%s\"", list[i],
                             wrong, r->a.separator);
    }
    free(list);
    return 0;
}

/* Labels are the user's own: only their number and sizes are looked at. */
static void check_labels(struct reading *r)
{
    if (!r->labels)
        return;
    if (json_object_size(r->labels) > LABELS_MAX)
        json_problem_add(r->problems, "/labels", "must have at most %d members, it has %zu",
                         LABELS_MAX, json_object_size(r->labels));
    const char *name;
    json_t *value;
    char at[JSON_POINTER_MAX];
    json_object_foreach (r->labels, name, value) {
        json_pointer_member(at, "/labels", name);
        if (!json_is_string(value))
            json_problem_add(r->problems, at, "must be a string");
        else if (json_string_length(value) > LABEL_VALUE_MAX)
            json_problem_add(r->problems, at, "must have at most %d bytes", LABEL_VALUE_MAX);
        if (!*name || strlen(name) > LABEL_NAME_MAX)
            json_problem_add(r->problems, at, "must have a name of 1 to %d bytes", LABEL_NAME_MAX);
    }
}

/* It is known, so that whoever copies an execution's input here is told what to do. */
static void check_manifest(struct reading *r)
{
    if (r->manifest)
        json_problem_add(r->problems, "/taskManifest",
                         "must not be given: a long list of tasks is stored in S3 by the server "
                         "itself; give the tasks in taskList");
}

/* One element of taskList; `seen` maps the names so far to their index. */
static int check_task(struct reading *r, json_t *object, size_t index, json_t *seen)
{
    char list[JSON_POINTER_MAX], at[JSON_POINTER_MAX];
    struct spec_task *task = &r->s->tasks[index];
    json_pointer_index(list, "/taskList", index);
    (void)json_read_fields(task_attributes, COUNT(task_attributes), object, list, true, task,
                           r->problems);
    check_rule(r->problems, json_pointer_member(at, list, "s3BucketName"), task->s3_bucket_name,
               spec_rule_bucket);
    check_rule(r->problems, json_pointer_member(at, list, "taskName"), task->task_name,
               spec_rule_plain);
    if (!task->task_name)
        return 0;
    const json_t *first = json_object_get(seen, task->task_name);
    if (!first)
        return json_object_set_new(seen, task->task_name, json_integer((json_int_t)index));
    json_problem_add(r->problems, at, "is used already by /taskList/%lld: task names must differ",
                     (long long)json_integer_value(first));
    return 0;
}

/* Gives tasks without a bucket the spec's; says once that there is none. */
static void settle_buckets(struct reading *r)
{
    bool given = json_is_string(json_object_get(r->s->root, "s3BucketName"));
    for (size_t i = 0; i < r->s->task_count; i++) {
        json_t *object = json_array_get(r->task_list, i);
        const json_t *own = json_object_get(object, "s3BucketName");
        if (!json_is_object(object) || (own && !json_is_null(own)))
            continue;
        if (!given) {
            json_problem_add(r->problems, "/s3BucketName",
                             "is required, because /taskList/%zu names no bucket of its own", i);
            return;
        }
        r->s->tasks[i].s3_bucket_name = r->a.s3_bucket_name;
    }
}

/* Tasks are checked in order, so that a duplicate is told at the later one. */
static int check_tasks(struct reading *r, struct error *err)
{
    size_t count = json_array_size(r->task_list);
    if (count == 0)
        return 0;
    json_t *seen = json_object();
    r->s->tasks = calloc(count, sizeof *r->s->tasks);
    int bad = !seen || !r->s->tasks;
    for (size_t i = 0; !bad && i < count; i++)
        bad = check_task(r, json_array_get(r->task_list, i), i, seen);
    json_decref(seen);
    if (bad)
        return err_set(err, ERR_MEMORY, "out of memory while reading the task list");
    r->s->task_count = count;
    settle_buckets(r);
    return 0;
}

/* Takes the attributes over without losing what the result holds already. */
static void keep(struct reading *r)
{
    struct spec *s = r->s;
    r->a.root = s->root;
    r->a.tasks = s->tasks;
    r->a.task_count = s->task_count;
    r->a.pattern = s->pattern;
    *s = r->a;
}

/* Tables first: the later checks look only at what has the right type. */
int spec_check(struct spec *s, const json_t *given, int hint, struct json_problems *problems,
               struct error *err)
{
    struct reading r = {
        .s = s,
        .given = given,
        .a = {.separator = ",",
              .max_concurrency = SPEC_CONCURRENCY,
              .monitor_interval_seconds = SPEC_MONITOR_SECONDS,
              .task_timeout_seconds = SPEC_TASK_SECONDS,
              .run_timeout_seconds = SPEC_RUN_SECONDS},
        .problems = problems,
    };
    (void)json_read_fields(attributes, COUNT(attributes), s->root, "", true, &r, problems);
    if (!json_is_object(s->root))
        return 0;
    check_texts(&r);
    check_tables(&r);
    check_pattern(&r, hint);
    check_labels(&r);
    check_manifest(&r);
    int rc = check_pieces(&r, "/subnetIdLiteral", r.a.subnet_id_literal, SUBNETS_MAX,
                          spec_rule_subnet, err);
    if (rc == 0)
        rc = check_pieces(&r, "/securityGroupId", r.a.security_group_id, SECURITY_GROUPS_MAX,
                          spec_rule_security_group, err);
    if (rc == 0)
        rc = check_tasks(&r, err);
    keep(&r);
    return rc;
}
