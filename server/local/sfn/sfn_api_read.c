/* Operations that only read. */
#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_private.h"

#include <string.h>

/* Replies with what was found, or says what was not. */
static void answer(struct local_call *call, int found, json_t *out, const struct error *err,
                   const char *code, const char *what, const char *arn)
{
    if (found > 0)
        local_reply(call, out);
    else
        answer_missing(call, found, err, code, what, arn);
}

void api_describe_machine(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    const char *arn = NULL;
    json_t *out = NULL;
    if (!check_machine_arn(call, "stateMachineArn", &arn))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_machine(r, arn, &out, &err);
    sfn_reader_unlock(r);
    answer(call, found, out, &err, "StateMachineDoesNotExist", "State Machine", arn);
}

void api_describe_machine_for_execution(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    const char *arn = NULL;
    json_t *out = NULL;
    if (!check_execution_arn(call, &arn))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_machine_for_execution(r, arn, &out, &err);
    sfn_reader_unlock(r);
    answer(call, found, out, &err, "ExecutionDoesNotExist", "Execution", arn);
}

void api_list_machines(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    struct page page;
    json_t *out = NULL;
    if (!check_page(call, &page.limit) || !check_token(call, 0, &page.after))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int rc = sfn_read_machines(r, &page, &out, &err);
    sfn_reader_unlock(r);
    answer(call, rc == 0 ? 1 : -1, out, &err, "", "", "");
}

void api_describe(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    const char *arn = NULL;
    json_t *out = NULL;
    bool data = strcmp(json_str(call->input, "includedData", "ALL_DATA"), "METADATA_ONLY") != 0;
    if (!check_execution_arn(call, &arn))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_execution(r, arn, data, &out, &err);
    sfn_reader_unlock(r);
    answer(call, found, out, &err, "ExecutionDoesNotExist", "Execution", arn);
}

/* statusFilter, in the words of the service's own validation. */
static bool check_status(struct local_call *call, const char **status)
{
    static const char *const known[] = {"SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE",
                                        "ABORTED",   "FAILED",    "RUNNING"};
    *status = json_str(call->input, "statusFilter", NULL);
    for (size_t i = 0; *status && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i], *status) == 0)
            return true;
    if (*status)
        local_fault(call, 400, "ValidationException",
                    "1 validation error detected: Value '%.200s' at 'statusFilter' failed to "
                    "satisfy constraint: Member must satisfy enum value set: [SUCCEEDED, "
                    "TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
                    *status);
    return !*status;
}

/* By state machine, newest first; children of map runs are listed by their run alone. */
static void list_of_machine(struct local_sfn *s, struct local_call *call, const char *status,
                            const struct page *page)
{
    struct error err = {0};
    const char *arn = NULL;
    int64_t machine = 0;
    bool express = false;
    json_t *out = NULL;
    if (!check_machine_arn(call, "stateMachineArn", &arn))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_machine_id(r, arn, &machine, &express, &err);
    if (found == 1 && !express && sfn_read_executions(r, machine, status, page, &out, &err))
        found = -1;
    sfn_reader_unlock(r);
    if (found == 1 && express)
        local_fault(call, 400, "StateMachineTypeNotSupported",
                    "This operation is not supported by this type of state machine");
    else
        answer(call, found, out, &err, "StateMachineDoesNotExist", "State Machine", arn);
}

static void list_of_run(struct local_sfn *s, struct local_call *call, const char *status,
                        const struct page *page)
{
    struct error err = {0};
    const char *arn = NULL;
    int64_t run = 0;
    json_t *out = NULL;
    if (!check_map_run_arn(call, &arn))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_map_run_id(r, arn, &run, &err);
    if (found == 1 && sfn_read_map_children(r, run, status, page, &out, &err))
        found = -1;
    sfn_reader_unlock(r);
    if (found == 0)
        local_fault(call, 400, "ResourceNotFound", "Resource not found: '%s'", arn);
    else
        answer(call, found, out, &err, "", "", "");
}

void api_list(struct local_sfn *s, struct local_call *call)
{
    static const char *const members[] = {"stateMachineArn", "mapRunArn", "statusFilter",
                                          "maxResults",      "nextToken", NULL};
    struct page page;
    const char *status = NULL;
    bool by_run = json_str(call->input, "mapRunArn", NULL) != NULL;
    if (by_run && json_str(call->input, "stateMachineArn", NULL)) {
        local_fault(call, 400, "ValidationException",
                    "Only one of stateMachineArn and mapRunArn may be specified");
        return;
    }
    if (!check_members(call, members) || !check_status(call, &status) ||
        !check_page(call, &page.limit) || !check_token(call, INT64_MAX, &page.after))
        return;
    if (by_run)
        list_of_run(s, call, status, &page);
    else
        list_of_machine(s, call, status, &page);
}

void api_history(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    const char *arn = NULL;
    json_t *out = NULL;
    struct history_page page = {
        .reverse = json_bool(call->input, "reverseOrder", false),
        .data = json_bool(call->input, "includeExecutionData", true),
    };
    if (!check_execution_arn(call, &arn) || !check_page(call, &page.limit) ||
        !check_token(call, 0, &page.at))
        return;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_history(r, arn, &page, &out, &err);
    sfn_reader_unlock(r);
    answer(call, found, out, &err, "ExecutionDoesNotExist", "Execution", arn);
}

void api_validate(struct local_sfn *s, struct local_call *call)
{
    struct machine_problems problems = {0};
    struct error err = {0};
    const char *definition = json_str(call->input, "definition", "");
    const struct machine_options options = {
        .region = s->region,
        .express = strcmp(json_str(call->input, "type", "STANDARD"), "EXPRESS") == 0};
    struct machine *m = machine_compile(definition, strlen(definition), &options, &problems, &err);
    json_t *list = machine_problems_json(&problems);
    if (!m && err.code)
        local_fault(call, 500, "InternalServerError", "%s", err.message);
    else
        local_reply(call, json_pack("{s:s, s:O, s:b}", "result", m ? "OK" : "FAIL", "diagnostics",
                                    list, "truncated", problems.dropped > 0));
    json_decref(list);
    machine_problems_free(&problems);
    machine_release(m);
}

void api_list_tags(struct local_sfn *s, struct local_call *call)
{
    struct error err = {0};
    const char *arn = json_str(call->input, "resourceArn", "");
    const char *key;
    json_t *value;
    json_t *tags = NULL;
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_tags(r, arn, &tags, &err);
    sfn_reader_unlock(r);
    if (found == 0) {
        local_fault(call, 400, "ResourceNotFound", "Resource not found: '%s'", arn);
        return;
    }
    json_t *list = found > 0 ? json_array() : NULL;
    json_object_foreach (tags, key, value)
        json_array_append_new(list, json_pack("{s:s, s:O}", "key", key, "value", value));
    json_decref(tags);
    answer(call, found, list ? json_pack("{s:o}", "tags", list) : NULL, &err, "", "", "");
}
