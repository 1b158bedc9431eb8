/* Pure helpers of the submitter: ARNs and the comparison of inputs. */
#include "server/submit/submit.h"

#include "lib/json/json_read.h"

#include <stdio.h>
#include <string.h>

/* Needed when the answer that told the ARN was lost. */
int submit_execution_arn(const char *machine, const char *name, char out[SUBMIT_ARN_MAX],
                         struct error *err)
{
    static const char part[] = ":stateMachine:";
    const char *at = strstr(machine, part);
    if (strncmp(machine, "arn:", 4) != 0 || !at || at[strlen(part)] == '\0')
        return err_set(err, ERR_ARGUMENT, "%.300s is not the ARN of a state machine", machine);
    const char *machine_name = at + strlen(part);
    int length = snprintf(out, SUBMIT_ARN_MAX, "%.*s:execution:%.*s:%s", (int)(at - machine),
                          machine, (int)strcspn(machine_name, ":"), machine_name, name);
    if (length < 0 || length >= SUBMIT_ARN_MAX)
        return err_set(err, ERR_LIMIT, "the execution's ARN is too long: %.300s", machine);
    return 0;
}

/* Step Functions may hand the input back with other white space. */
bool submit_same_input(const char *a, const char *b)
{
    json_t *left = NULL;
    json_t *right = NULL;
    struct error err = {0};
    bool same = strcmp(a, b) == 0;
    if (!same && json_parse(a, strlen(a), &left, &err) == 0 &&
        json_parse(b, strlen(b), &right, &err) == 0)
        same = json_equal(left, right) == 1;
    json_decref(left);
    json_decref(right);
    return same;
}
