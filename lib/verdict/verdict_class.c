/* From the columns of a row to a class: one list of rules, the first that fits counts. Codes that
 * say it all come first, then ECS's words, then the words of S3 and of other services; what they
 * leave open is decided by the exit code. Words are those of the services' documentation and of the
 * messages that users quote. */
#include "lib/verdict/verdict.h"

#include <string.h>

enum { SIGNAL_BASE = 128, SIGNAL_MAX = 64 };

#define ANY NULL
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOT_STARTED "TaskFailedToStart"

static const struct rule {
    const char *stop_code; /* ANY, or exactly this one */
    const char *words;     /* ANY, or found in the reason */
    enum verdict_class reason_class;
} rules[] = {
    /* Codes of our own: ECS's words may follow in the reason, but they are not the cause. */
    {"TaskTimeout", ANY, VERDICT_TIMED_OUT},
    {"RunTimeout", ANY, VERDICT_TIMED_OUT},
    {"TaskLost", ANY, VERDICT_LOST},
    {"RunFailed", ANY, VERDICT_RUN_ENDED},
    /* Codes of ECS. Behind UserInitiated are words of people. */
    {"SpotInterruption", ANY, VERDICT_SPOT},
    {ANY, "Spot Task was interrupted", VERDICT_SPOT},
    {"UserInitiated", ANY, VERDICT_KILLED},
    {"TerminationNotice", ANY, VERDICT_HOST_LOST},
    {ANY, "Host EC2", VERDICT_HOST_LOST},
    {"ServiceSchedulerInitiated", ANY, VERDICT_KILLED},
    {ANY, "OutOfMemory", VERDICT_OUT_OF_MEMORY},
    {"EssentialContainerExited", "the task was ended because its container",
     VERDICT_CONTAINER_EXITED},
    /* What keeps a task from starting: by ECS's stoppedReason or RunTask's answer. */
    {ANY, "CannotPull", VERDICT_IMAGE_PULL},
    {NOT_STARTED, "Capacity is unavailable", VERDICT_CAPACITY},
    {NOT_STARTED, "RESOURCE:", VERDICT_CAPACITY},
    {NOT_STARTED, "AGENT", VERDICT_CAPACITY},
    {NOT_STARTED, "limit on the number of tasks", VERDICT_CAPACITY},
    {NOT_STARTED, "number of vCPUs", VERDICT_CAPACITY},
    {NOT_STARTED, "LimitExceededException", VERDICT_CAPACITY},
    {NOT_STARTED, "Rate exceeded", VERDICT_THROTTLED},
    {NOT_STARTED, "hrottl", VERDICT_THROTTLED},
    {NOT_STARTED, "TooManyRequests", VERDICT_THROTTLED},
    {NOT_STARTED, "RequestLimitExceeded", VERDICT_THROTTLED},
    {ANY, "ResourceInitializationError", VERDICT_FAILED_TO_START},
    {ANY, "CannotStartContainerError", VERDICT_FAILED_TO_START},
    {ANY, "CannotCreateContainerError", VERDICT_FAILED_TO_START},
    {NOT_STARTED, "AccessDenied", VERDICT_REFUSED},
    {NOT_STARTED, "InvalidParameter", VERDICT_REFUSED},
    {NOT_STARTED, "ClientException", VERDICT_REFUSED},
    {NOT_STARTED, "ClusterNotFound", VERDICT_REFUSED},
    {NOT_STARTED, "ConflictException", VERDICT_REFUSED},
    {NOT_STARTED, "PlatformTaskDefinition", VERDICT_REFUSED},
    {NOT_STARTED, "PlatformUnknown", VERDICT_REFUSED},
    {NOT_STARTED, "UnsupportedFeature", VERDICT_REFUSED},
    {NOT_STARTED, "BlockedException", VERDICT_REFUSED},
    {NOT_STARTED, "ATTRIBUTE", VERDICT_REFUSED},
    {NOT_STARTED, "INACTIVE", VERDICT_REFUSED},
    {NOT_STARTED, "LOCATION", VERDICT_REFUSED},
    {NOT_STARTED, "MISSING", VERDICT_REFUSED},
    {NOT_STARTED, "ServerException", VERDICT_AWS_ERROR},
    {NOT_STARTED, "HTTP 5", VERDICT_AWS_ERROR},
    {NOT_STARTED, ANY, VERDICT_FAILED_TO_START},
    /* What the task said of its own copy. */
    {ANY, "NoSuchKey", VERDICT_S3_NOT_FOUND},
    {ANY, "NoSuchBucket", VERDICT_S3_NOT_FOUND},
    {ANY, "NoSuchVersion", VERDICT_S3_NOT_FOUND},
    {ANY, "HTTP 404", VERDICT_S3_NOT_FOUND},
    {ANY, "AccessDenied", VERDICT_S3_DENIED},
    {ANY, "AllAccessDisabled", VERDICT_S3_DENIED},
    {ANY, "HTTP 403", VERDICT_S3_DENIED},
    {ANY, "S3 ", VERDICT_S3_ERROR},
    {ANY, "SlowDown", VERDICT_S3_ERROR},
    {ANY, "PreconditionFailed", VERDICT_S3_ERROR},
    {ANY, "InvalidObjectState", VERDICT_S3_ERROR},
    {ANY, "InternalError", VERDICT_S3_ERROR},
    /* What the control plane says of tasks whose run is over. */
    {ANY, "no final audit row", VERDICT_RUN_ENDED},
    {ANY, "Step Functions refused to start", VERDICT_REFUSED},
    {ANY, "Exception: ", VERDICT_AWS_ERROR},
};

/* What a cancelled task was stopped for, where it was not by a person. */
static const struct rule cancelled_rules[] = {
    {"SpotInterruption", ANY, VERDICT_SPOT},
    {"TerminationNotice", ANY, VERDICT_HOST_LOST},
    {"EssentialContainerExited", "the task was ended because its container",
     VERDICT_CONTAINER_EXITED},
};

static bool fits(const struct rule *rule, const char *stop_code, const char *reason)
{
    return (!rule->stop_code || strcmp(rule->stop_code, stop_code) == 0) &&
           (!rule->words || strstr(reason, rule->words));
}

/* False when no rule fits. */
static bool find(const struct rule *list, size_t count, const char *stop_code, const char *reason,
                 enum verdict_class *out)
{
    for (size_t i = 0; i < count; i++) {
        if (fits(&list[i], stop_code, reason)) {
            *out = list[i].reason_class;
            return true;
        }
    }
    return false;
}

/* What no word has decided. */
static enum verdict_class by_exit_code(int64_t code, const char *stop_code, const char *reason)
{
    if (code == 0)
        return VERDICT_NO_RESULT;
    if (code > SIGNAL_BASE && code <= SIGNAL_BASE + SIGNAL_MAX)
        return VERDICT_KILLED;
    if (code > 0)
        return VERDICT_EXIT_CODE;
    if (strcmp(stop_code, "EssentialContainerExited") == 0)
        return VERDICT_CONTAINER_EXITED;
    if (strstr(reason, "left no exit code") || strstr(reason, "was seen to run"))
        return VERDICT_LOST;
    return VERDICT_UNKNOWN;
}

enum verdict_class verdict_classify(const struct verdict_end *end)
{
    const char *stop_code = end->stop_code ? end->stop_code : "";
    const char *reason = end->stopped_reason ? end->stopped_reason : "";
    enum verdict_class c = VERDICT_NONE;
    if (end->status == AUDIT_CANCELLED)
        return find(cancelled_rules, COUNT(cancelled_rules), stop_code, reason, &c)
                   ? c
                   : VERDICT_CANCELLED;
    if (end->status == AUDIT_FAILED && !find(rules, COUNT(rules), stop_code, reason, &c))
        c = by_exit_code(end->exit_code, stop_code, reason);
    return c;
}
