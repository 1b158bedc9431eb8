/* Outputs are judged by the rules of specs: a stack's outputs become a spec with a task list that
 * means nothing, so that what no spec could use is refused here and not at each POST. */
#include "server/app/outputs.h"

#include "server/app/text_file.h"

#include <stdio.h>
#include <string.h>

/* The outputs that a spec may leave out. Its workflow's name stays the user's to say. */
static const char *const attributes[] = {
    "region",           "s3BucketName",      "subnetIdLiteral",
    "separator",        "securityGroupId",   "ddbTableNameWFSummary",
    "hashKeyWFSummary", "rangeKeyWFSummary", "ddbTableNameWFDetails",
    "hashKeyWFDetails", "rangeKeyWFDetails", "clusterName",
    "containerName",    "taskDefinition",
};

/* The outputs that the rules of specs do not ask for. */
static const char *const required[] = {"stateMachineArn", "s3BucketName"};

/* 0 for "...pattern-1", 1 for "...pattern-2", -1 for another stack. */
static int pattern_of(const char *stack)
{
    static const char *const ends[PATTERNS] = {"pattern-1", "pattern-2"};
    size_t len = strlen(stack);
    for (int i = 0; i < PATTERNS; i++) {
        size_t end = strlen(ends[i]);
        if (len >= end && strcmp(stack + len - end, ends[i]) == 0)
            return i;
    }
    return -1;
}

static int check_required(const json_t *stack, const char *pointer, int pattern, struct error *err)
{
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        const json_t *value = json_object_get(stack, required[i]);
        if (!value)
            return err_set(err, ERR_ARGUMENT,
                           "%s has no %s: deploy it again with make deploy PATTERN=%d", pointer,
                           required[i], pattern);
        if (!json_is_string(value) || json_string_length(value) == 0)
            return err_set(err, ERR_ARGUMENT, "%s/%s must be a text that is not empty", pointer,
                           required[i]);
    }
    const char *arn = json_str(stack, "stateMachineArn", "");
    if (!machines_is_arn(arn))
        return err_set(err, ERR_ARGUMENT,
                       "%s/stateMachineArn: '%.200s' is not the ARN of a state machine", pointer,
                       arn);
    return 0;
}

/* The first problem stands for all: they come from one stack, and it is deployed as a whole. */
static int refuse(const struct json_problems *problems, const char *pointer, int pattern,
                  struct error *err)
{
    const struct json_problem *first = &problems->list[0];
    return err_set(err, ERR_ARGUMENT, "%s%s %s: deploy it again with make deploy PATTERN=%d",
                   pointer, first->pointer, first->detail, pattern);
}

static int read_spec(struct outputs *o, int i, const char *pointer, struct error *err)
{
    struct json_problems problems = {0};
    const json_t *stack = json_object_get(o->tree, o->stacks[i]);
    json_t *name = json_object_get(stack, "workflowName");
    json_t *tree = json_pack("{s:o, s:[{s:s, s:s}]}", "workflowName",
                             name ? json_incref(name) : json_string("any"), "taskList", "taskName",
                             "any", "objectKey", "any");
    int rc = tree ? spec_read(tree, i + 1, o->defaults[i], &o->specs[i], &problems, err)
                  : err_set(err, ERR_MEMORY, "out of memory");
    if (rc && problems.count)
        rc = refuse(&problems, pointer, i + 1, err);
    json_problems_free(&problems);
    json_decref(tree);
    return rc;
}

static int copy_defaults(struct outputs *o, int i, const json_t *stack, struct error *err)
{
    o->defaults[i] = json_object();
    if (!o->defaults[i])
        return err_set(err, ERR_MEMORY, "out of memory");
    for (size_t k = 0; k < sizeof attributes / sizeof *attributes; k++) {
        json_t *value = json_object_get(stack, attributes[k]);
        if (value && json_object_set(o->defaults[i], attributes[k], value))
            return err_set(err, ERR_MEMORY, "out of memory");
    }
    return 0;
}

/* One client works for both patterns, and a client works in one region. */
static int check_region(struct outputs *o, int i, const char *pointer, struct error *err)
{
    const char *region = o->specs[i].region;
    if (o->region && strcmp(o->region, region) != 0)
        return err_set(err, ERR_ARGUMENT,
                       "%s/region is %s, but the other pattern is in %s: one server works in one "
                       "region, so take one of the two out of the file",
                       pointer, region, o->region);
    o->region = region;
    return 0;
}

static int read_stack(struct outputs *o, int i, const char *name, const json_t *stack,
                      struct error *err)
{
    char pointer[JSON_POINTER_MAX];
    json_pointer_member(pointer, "", name);
    if (o->stacks[i])
        return err_set(err, ERR_ARGUMENT,
                       "/%s and %s are both of pattern %d: take the one out that is not meant",
                       o->stacks[i], pointer, i + 1);
    if (!json_is_object(stack))
        return err_set(err, ERR_ARGUMENT, "%s must be an object with the outputs of a stack",
                       pointer);
    o->stacks[i] = name;
    if (check_required(stack, pointer, i + 1, err) || copy_defaults(o, i, stack, err) ||
        read_spec(o, i, pointer, err) || check_region(o, i, pointer, err))
        return -1;
    o->arns[i] = json_str(stack, "stateMachineArn", NULL);
    o->log_groups[i] = json_str(stack, "taskLogGroup", NULL);
    return 0;
}

static int read_stacks(struct outputs *o, struct error *err)
{
    const char *name;
    json_t *stack;
    if (!json_is_object(o->tree))
        return err_set(err, ERR_ARGUMENT, "must be an object with a member for each stack");
    json_object_foreach (o->tree, name, stack) {
        int i = pattern_of(name);
        if (i >= 0 && read_stack(o, i, name, stack, err))
            return -1;
    }
    if (!o->stacks[0] && !o->stacks[1])
        return err_set(err, ERR_ARGUMENT,
                       "has no member whose name ends in pattern-1 or pattern-2: is it the "
                       "outputs.json that make deploy wrote?");
    return 0;
}

static int read_text(struct outputs *o, const char *source, struct buf *text, struct error *err)
{
    if (*source != '{' && text_file_read(source, text, err))
        return err_wrap(err, "--outputs (STEPFLEET_OUTPUTS)");
    if (*source == '{')
        buf_adds(text, source);
    if (buf_check(text, err) || json_parse(buf_str(text), text->len, &o->tree, err) ||
        read_stacks(o, err))
        return err_wrap(err, "--outputs (STEPFLEET_OUTPUTS): %.200s",
                        *source == '{' ? "the text" : source);
    return 0;
}

int outputs_open(struct outputs *o, const char *source, struct error *err)
{
    struct buf text;
    *o = (struct outputs){0};
    if (!source)
        return 0;
    buf_init(&text, BUF_MAX_SPEC);
    int rc = read_text(o, source, &text, err);
    buf_free(&text);
    if (rc)
        outputs_close(o);
    return rc;
}

void outputs_close(struct outputs *o)
{
    for (int i = 0; i < PATTERNS; i++) {
        spec_free(&o->specs[i]);
        json_decref(o->defaults[i]);
    }
    json_decref(o->tree);
    *o = (struct outputs){0};
}
