/* The API: machines, executions, paging, refusals; and what threads see. */
#include "tests/unit/sfn_support.h"

#include "lib/json/json_read.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct sfn_fixture *f;

static void setup(void)
{
    f = fixture_open();
}

static void teardown(void)
{
    fixture_close(f);
}

TestSuite(sfn_api, .init = setup, .fini = teardown);

#define PASS "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true}}}"
#define OTHER "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Result\":2,\"End\":true}}}"
#define WAIT "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Wait\",\"Seconds\":9,\"End\":true}}}"
#define ROLE "arn:aws:iam::000000000000:role/r"
#define ARN "arn:aws:states:eu-west-1:000000000000:"

/* Calls and expects a fault's code ("ok": none); answers nothing. */
static void expect(const char *operation, json_t *input, const char *code, const char *message)
{
    json_t *answer = api(f, operation, input);
    cr_expect_str_eq(json_str(answer, "__type", "ok"), code, "%s: %s", operation,
                     json_str(answer, "message", ""));
    if (message)
        cr_expect_str_eq(json_str(answer, "message", ""), message);
    json_decref(answer);
}

static json_t *create(const char *name, const char *definition)
{
    return json_pack("{s:s, s:s, s:s}", "name", name, "definition", definition, "roleArn", ROLE);
}

struct definition_case {
    const char *definition;
    const char *message;
};

Test(sfn_api, definitions_are_refused_with_the_place)
{
#define BAD(text) "Invalid State Machine Definition: '" text "'"
#define SCHEMA(text) BAD("SCHEMA_VALIDATION_FAILED: " text)
    static const struct definition_case cases[] = {
        {"{\"StartAt\":\"A\"}", SCHEMA("These fields are required: [States] at /")},
        {"{\"StartAt\":\"B\",\"States\":{\"A\":{\"Type\":\"Succeed\"}}}",
         BAD("MISSING_TRANSITION_TARGET: Missing 'StartAt' target: B at /StartAt")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"X\"}}}",
         BAD("MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Next")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Nap\",\"End\":true}}}",
         SCHEMA("The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, "
                "Fail, Choice, Parallel, Map] at /States/A/Type")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\"}}}",
         SCHEMA("These fields are required: [Next] at /States/A")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"End\":true,\"Next\":\"A\"}}}",
         SCHEMA("Only one of the following fields is allowed: [End, Next] at /States/A")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Wait\",\"End\":true,"
         "\"Timestamp\":\"2016-13-05T21:29:29Z\"}}}",
         SCHEMA("String does not match RFC3339 timestamp at /States/A/Timestamp")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"End\":true,"
         "\"Resource\":\"arn:aws:states:::sqs:sendMessage\"}}}",
         SCHEMA("The resource provided arn:aws:states:::sqs:sendMessage is not recognized. The "
                "value is not a valid resource ARN, or the resource is not available in this "
                "region. at /States/A/Resource")},
        {"{\"QueryLanguage\":\"JSONata\",\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":"
         "\"Succeed\"}}}",
         SCHEMA("The query language JSONata is not offered by this endpoint; use JSONPath at "
                "/QueryLanguage")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"End\":true,\"ItemReader\":{},"
         "\"ItemProcessor\":{\"StartAt\":\"B\",\"States\":{\"B\":{\"Type\":\"Succeed\"}}}}}}",
         SCHEMA(
             "The field 'ItemReader' needs a Map whose ProcessorConfig has the Mode DISTRIBUTED at "
             "/States/A/ItemReader")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Parallel\",\"End\":true,\"Branches\":[{"
         "\"StartAt\":\"B\",\"States\":{\"B\":{\"Type\":\"Succeed\",\"Retry\":[]}}}]}}}",
         SCHEMA("The field 'Retry' is not supported by Step Functions for states of type Succeed "
                "at /States/A/Branches[0]/States/B/Retry")},
        {"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"End\":true,\"Label\":"
         "\"a\\u0000\","
         "\"ItemProcessor\":{\"StartAt\":\"B\",\"States\":{\"B\":{\"Type\":\"Succeed\"}}}}}}",
         NULL},
        {"[1]", SCHEMA("Definition must be a valid JSON object at /")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect("CreateStateMachine", create("m", cases[i].definition), "InvalidDefinition",
               cases[i].message);
    json_t *answer =
        api(f, "ValidateStateMachineDefinition", json_pack("{s:s}", "definition", "{\"a\":1,"));
    cr_expect_str_eq(json_str(answer, "result", ""), "FAIL");
    json_t *first = json_array_get(json_object_get(answer, "diagnostics"), 0);
    cr_expect_str_eq(json_str(first, "code", ""), "INVALID_JSON_DESCRIPTION");
    json_decref(answer);
}

Test(sfn_api, machines_are_created_once_updated_and_deleted)
{
    expect("CreateStateMachine", create("m", PASS), "ok", NULL);
    expect("CreateStateMachine", create("m", PASS), "ok", NULL);
    expect("CreateStateMachine", create("m", OTHER), "StateMachineAlreadyExists",
           "State Machine Already Exists: '" ARN "stateMachine:m'");
    expect("CreateStateMachine", create("m/m", PASS), "InvalidName", "Invalid Name: 'm/m'");
    expect("UpdateStateMachine",
           json_pack("{s:s, s:s}", "stateMachineArn", ARN "stateMachine:m", "definition", OTHER),
           "ok", NULL);
    fixture_reopen(f);
    json_t *d =
        api(f, "DescribeStateMachine", json_pack("{s:s}", "stateMachineArn", ARN "stateMachine:m"));
    cr_expect_str_eq(json_str(d, "definition", ""), OTHER);
    cr_expect_str_eq(json_str(d, "status", ""), "ACTIVE");
    cr_expect_eq(strlen(json_str(d, "revisionId", "")), 36);
    json_decref(d);
    expect("UpdateStateMachine", json_pack("{s:s}", "stateMachineArn", ARN "stateMachine:m"),
           "MissingRequiredParameter", NULL);
    expect("DeleteStateMachine", json_pack("{s:s}", "stateMachineArn", ARN "stateMachine:m"), "ok",
           NULL);
    expect("DescribeStateMachine", json_pack("{s:s}", "stateMachineArn", ARN "stateMachine:m"),
           "StateMachineDoesNotExist", "State Machine Does Not Exist: '" ARN "stateMachine:m'");
    expect("StartExecution", json_pack("{s:s}", "stateMachineArn", ARN "stateMachine:m"),
           "StateMachineDoesNotExist", NULL);
}

static json_t *start_named(const char *name, const char *input)
{
    return json_pack("{s:s, s:s, s:s}", "stateMachineArn", ARN "stateMachine:w", "name", name,
                     "input", input);
}

Test(sfn_api, a_name_starts_one_execution)
{
    char arn[256];
    create_machine(f, "w", WAIT, arn);
    json_t *first = api(f, "StartExecution", start_named("n", "{}"));
    f->now += CLOCK_SECOND;
    json_t *again = api(f, "StartExecution", start_named("n", "{}"));
    cr_expect(json_equal(first, again));
    expect("StartExecution", start_named("n", "{ }"), "ExecutionAlreadyExists",
           "Execution Already Exists: '" ARN "execution:w:n'");
    fixture_reopen(f);
    fixture_wait(f, 8);
    expect("StartExecution", start_named("n", "{}"), "ExecutionAlreadyExists", NULL);
    expect("StartExecution", start_named("o", "{nonsense"), "InvalidExecutionInput", NULL);
    expect("StartExecution", start_named("a b", "{}"), "InvalidName", "Invalid Name: 'a b'");
    json_decref(first);
    json_decref(again);
}

Test(sfn_api, an_update_leaves_executions_that_run_alone)
{
    char arn[256];
    create_machine(f, "w",
                   "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Wait\",\"Seconds\":5,"
                   "\"Next\":\"B\"},\"B\":{\"Type\":\"Pass\",\"Result\":1,\"End\":true}}}",
                   arn);
    json_decref(api(f, "StartExecution", start_named("n", "{}")));
    expect("UpdateStateMachine",
           json_pack("{s:s, s:s}", "stateMachineArn", arn, "definition", PASS), "ok", NULL);
    fixture_reopen(f);
    fixture_wait(f, 5);
    (void)snprintf(f->last_execution, sizeof f->last_execution, "%s", ARN "execution:w:n");
    expect_outcome(f, "SUCCEEDED 1");
    json_t *d = api(f, "DescribeStateMachineForExecution",
                    json_pack("{s:s}", "executionArn", f->last_execution));
    cr_expect(strstr(json_str(d, "definition", ""), "Wait"));
    json_decref(d);
}

Test(sfn_api, executions_are_listed_page_by_page_newest_first)
{
    char arn[256];
    create_machine(f, "w", WAIT, arn);
    for (int i = 0; i < 7; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "n%d", i);
        json_decref(api(f, "StartExecution", start_named(name, "{}")));
    }
    json_decref(api(f, "StopExecution", json_pack("{s:s}", "executionArn", ARN "execution:w:n5")));
    json_t *page = api(f, "ListExecutions",
                       json_pack("{s:s, s:i, s:s}", "stateMachineArn", arn, "maxResults", 4,
                                 "statusFilter", "RUNNING"));
    json_t *list = json_object_get(page, "executions");
    cr_assert_eq(json_array_size(list), 4);
    cr_expect_str_eq(json_str(json_array_get(list, 0), "name", ""), "n6");
    cr_expect_str_eq(json_str(json_array_get(list, 1), "name", ""), "n4");
    json_t *rest = api(f, "ListExecutions",
                       json_pack("{s:s, s:s, s:s}", "stateMachineArn", arn, "statusFilter",
                                 "RUNNING", "nextToken", json_str(page, "nextToken", "")));
    cr_expect_eq(json_array_size(json_object_get(rest, "executions")), 2);
    cr_expect_null(json_object_get(rest, "nextToken"));
    json_decref(page);
    json_decref(rest);
    expect("ListExecutions",
           json_pack("{s:s, s:s}", "stateMachineArn", arn, "statusFilter", "running"),
           "ValidationException", NULL);
    expect("ListExecutions", json_pack("{s:s}", "stateMachineArn", "nonsense"), "InvalidArn",
           "Invalid Arn: 'Invalid ARN prefix: nonsense'");
    expect("ListExecutions", json_pack("{s:s, s:s}", "stateMachineArn", arn, "nextToken", "x"),
           "InvalidToken", NULL);
}

static json_t *history_page(const char *token, bool reverse, bool data)
{
    json_t *input =
        json_pack("{s:s, s:i, s:b, s:b}", "executionArn", f->last_execution, "maxResults", 3,
                  "reverseOrder", reverse, "includeExecutionData", data);
    if (token)
        json_object_set_new(input, "nextToken", json_string(token));
    return api(f, "GetExecutionHistory", input);
}

Test(sfn_api, history_can_be_read_from_both_ends)
{
    static const int forward[] = {1, 2, 3, 4, 5, 6, 7};
    static const int backward[] = {7, 6, 5, 4, 3, 2, 1};
    start_machine(f,
                  "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"W\"},"
                  "\"W\":{\"Type\":\"Wait\",\"Seconds\":1,\"Next\":\"Z\"},"
                  "\"Z\":{\"Type\":\"Fail\"}}}",
                  "{\"secret\":1}");
    fixture_wait(f, 1);
    for (int reverse = 0; reverse < 2; reverse++) {
        char *token = NULL;
        size_t seen = 0;
        do {
            json_t *page = history_page(token, reverse, false);
            json_t *list = json_object_get(page, "events");
            for (size_t i = 0; i < json_array_size(list) && seen < 7; i++, seen++)
                cr_expect_eq(json_int(json_array_get(list, i), "id", 0),
                             (reverse ? backward : forward)[seen]);
            char *text = json_dumps(page, 0);
            cr_expect_null(strstr(text, "secret"), "%s", text);
            free(text);
            free(token);
            const char *next = json_str(page, "nextToken", NULL);
            token = next ? strdup(next) : NULL;
            json_decref(page);
        } while (token);
        cr_expect_eq(seen, 7);
    }
    expect("GetExecutionHistory", json_pack("{s:s}", "executionArn", ARN "execution:a:b"),
           "ExecutionDoesNotExist", "Execution Does Not Exist: '" ARN "execution:a:b'");
}

Test(sfn_api, what_is_not_offered_is_refused)
{
    expect("RedriveExecution", json_object(), "UnknownOperationException", NULL);
    json_t *logging = create("m", PASS);
    json_object_set_new(logging, "loggingConfiguration", json_pack("{s:s}", "level", "ALL"));
    expect("CreateStateMachine", logging, "InvalidLoggingConfiguration", NULL);
    json_t *publish = create("m", PASS);
    json_object_set_new(publish, "publish", json_true());
    expect("CreateStateMachine", publish, "ValidationException", NULL);
}

Test(sfn_api, tags_are_kept)
{
    char arn[256];
    create_machine(f, "w", WAIT, arn);
    expect("TagResource",
           json_pack("{s:s, s:[{s:s,s:s},{s:s,s:s}]}", "resourceArn", arn, "tags", "key", "a",
                     "value", "1", "key", "b", "value", "2"),
           "ok", NULL);
    expect("UntagResource", json_pack("{s:s, s:[s]}", "resourceArn", arn, "tagKeys", "a"), "ok",
           NULL);
    fixture_reopen(f);
    json_t *answer = api(f, "ListTagsForResource", json_pack("{s:s}", "resourceArn", arn));
    char *text = json_dumps(answer, JSON_COMPACT);
    cr_expect_str_eq(text, "{\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}");
    free(text);
    json_decref(answer);
}

Test(sfn_api, express_machines_answer_with_their_end)
{
    json_t *machine = create("x", OTHER);
    json_object_set_new(machine, "type", json_string("EXPRESS"));
    expect("CreateStateMachine", machine, "ok", NULL);
    json_t *answer =
        api(f, "StartSyncExecution", json_pack("{s:s}", "stateMachineArn", ARN "stateMachine:x"));
    cr_expect_str_eq(json_str(answer, "status", ""), "SUCCEEDED");
    cr_expect_str_eq(json_str(answer, "output", ""), "2");
    cr_expect(strncmp(json_str(answer, "executionArn", ""), ARN "express:x:", 46 + 10) == 0 ||
              strstr(json_str(answer, "executionArn", ""), ":express:x:"));
    json_decref(answer);
    expect("ListExecutions", json_pack("{s:s}", "stateMachineArn", ARN "stateMachine:x"),
           "StateMachineTypeNotSupported", NULL);
}

/* --- with the engine's own thread --- */

enum { THREADS = 6, STARTS = 40 };

struct answer {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t came;
    json_t *output;
    bool done;
};

static void came(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct answer *a = call->ctx;
    (void)fault;
    pthread_mutex_lock(&a->lock);
    a->output = output;
    a->done = true;
    pthread_cond_signal(&a->came);
    pthread_mutex_unlock(&a->lock);
}

static json_t *call_and_wait(const struct local_service *service, const char *operation,
                             json_t *input)
{
    struct answer a = {.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
    struct local_call call = {.operation = operation, .input = input, .done = came, .ctx = &a};
    service->call(service->self, &call);
    pthread_mutex_lock(&a.lock);
    while (!a.done)
        pthread_cond_wait(&a.came, &a.lock);
    pthread_mutex_unlock(&a.lock);
    json_decref(input);
    return a.output;
}

static void *start_many(void *arg)
{
    const struct local_service *service = arg;
    size_t good = 0;
    for (int i = 0; i < STARTS; i++) {
        json_t *started = call_and_wait(
            service, "StartExecution",
            json_pack("{s:s, s:s}", "stateMachineArn", ARN "stateMachine:t", "input", "[1,2,3]"));
        json_t *d = call_and_wait(
            service, "DescribeExecution",
            json_pack("{s:s}", "executionArn", json_str(started, "executionArn", "")));
        good += strcmp(json_str(d, "status", ""), "SUCCEEDED") == 0;
        json_decref(started);
        json_decref(d);
    }
    return (void *)good;
}

Test(sfn_threads, many_callers_one_engine)
{
    struct error err = {0};
    pthread_t threads[THREADS];
    struct sfn_fixture *own = fixture_open();
    f = own;
    f->clock = *clock_system();
    cr_assert_eq(local_sfn_ensure_machine(
                     f->sfn, "t",
                     "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Map\",\"ItemProcessor\":{"
                     "\"StartAt\":\"I\",\"States\":{\"I\":{\"Type\":\"Pass\",\"End\":true}}},"
                     "\"End\":true}}}",
                     &err),
                 0, "%s", err.message);
    cr_assert_eq(local_sfn_start(f->sfn, &err), 0, "%s", err.message);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, start_many,
                                    (void *)(uintptr_t)local_sfn_service(f->sfn)),
                     0);
    for (int i = 0; i < THREADS; i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        cr_expect_eq((size_t)good, STARTS);
    }
    fixture_close(own);
}
