/* Which failures are tried again is decided by two tables: error codes, then HTTP statuses. */
#include "lib/aws/retry.h"

#include <string.h>

#define SERVICE_BIT(service) (1u << (service))

/* Service error codes that are tried again whatever their HTTP status, except for the services in
 * `final_in`. Source: botocore's retry lists; TransactionConflictException and OperationAborted
 * from the services' own advice. */
static const struct code_row {
    const char *code;
    enum retry_kind kind;
    unsigned final_in;
} code_rows[] = {
    {"Throttling", RETRY_THROTTLE, 0},
    {"ThrottlingException", RETRY_THROTTLE, 0},
    {"ThrottledException", RETRY_THROTTLE, 0},
    {"RequestThrottledException", RETRY_THROTTLE, 0},
    {"RequestThrottled", RETRY_THROTTLE, 0},
    {"TooManyRequestsException", RETRY_THROTTLE, 0},
    {"ProvisionedThroughputExceededException", RETRY_THROTTLE, 0},
    {"TransactionInProgressException", RETRY_THROTTLE, 0},
    {"RequestLimitExceeded", RETRY_THROTTLE, 0},
    {"BandwidthLimitExceeded", RETRY_THROTTLE, 0},
    /* In ECS it is a quota that waiting does not raise. */
    {"LimitExceededException", RETRY_THROTTLE, SERVICE_BIT(AWS_ECS)},
    {"SlowDown", RETRY_THROTTLE, 0},
    {"EC2ThrottledException", RETRY_THROTTLE, 0},
    {"KmsThrottlingException", RETRY_THROTTLE, 0},
    {"RequestTimeout", RETRY_TRANSIENT, 0},
    {"RequestTimeoutException", RETRY_TRANSIENT, 0},
    {"PriorRequestNotComplete", RETRY_TRANSIENT, 0},
    {"ReplicatedWriteConflictException", RETRY_TRANSIENT, 0},
    {"TransactionConflictException", RETRY_TRANSIENT, 0},
    {"IDPCommunicationError", RETRY_TRANSIENT, 0},
    {"BadDigest", RETRY_TRANSIENT, 0},
    {"OperationAborted", RETRY_TRANSIENT, 0},
};

static const struct status_row {
    int status;
    enum retry_kind kind;
} status_rows[] = {
    {429, RETRY_THROTTLE}, {500, RETRY_TRANSIENT}, {502, RETRY_TRANSIENT},
    {503, RETRY_THROTTLE}, {504, RETRY_TRANSIENT}, {509, RETRY_THROTTLE},
};

static const struct code_row *find_code(const char *code)
{
    for (size_t i = 0; i < sizeof code_rows / sizeof *code_rows; i++)
        if (strcmp(code_rows[i].code, code) == 0)
            return &code_rows[i];
    return NULL;
}

/* For errors without a code of their own. */
static enum retry_kind classify_status(int status)
{
    for (size_t i = 0; i < sizeof status_rows / sizeof *status_rows; i++)
        if (status_rows[i].status == status)
            return status_rows[i].kind;
    return RETRY_NEVER;
}

/* A code that the table knows decides alone; its HTTP status is often the same 400 as a refusal's.
 */
enum retry_kind retry_classify(enum aws_service service, const struct error *err)
{
    if (err->code == ERR_NETWORK)
        return RETRY_TRANSIENT;
    if (err->code == ERR_TIMEOUT)
        return RETRY_TIMEOUT;
    if (err->code != ERR_REMOTE)
        return RETRY_NEVER;
    const struct code_row *row = find_code(err->remote);
    if (row)
        return row->final_in & SERVICE_BIT(service) ? RETRY_NEVER : row->kind;
    /* RunTask says so inside ClientException and others. */
    if (strstr(err->message, "Rate exceeded"))
        return RETRY_THROTTLE;
    return classify_status(err->http_status);
}

bool aws_is_throttle(const struct error *err)
{
    return err && retry_classify(AWS_SERVICE_COUNT, err) == RETRY_THROTTLE;
}

void retry_bucket_open(struct retry_bucket *b)
{
    b->tokens = RETRY_BUCKET;
}

/* Each client has 500 tokens for retries, so that an outage costs it a bounded number of repeated
 * calls; timeouts cost double, they kept a connection busy. Source: AWS SDKs, standard retry mode.
 */
bool retry_bucket_take(struct retry_bucket *b, enum retry_kind kind, int *cost)
{
    *cost = kind == RETRY_TIMEOUT ? 10 : 5;
    if (b->tokens < *cost)
        return false;
    b->tokens -= *cost;
    return true;
}

/* A success after retries gives back what the last one cost; one without gives a single token. */
void retry_bucket_refund(struct retry_bucket *b, int cost)
{
    b->tokens += cost ? cost : 1;
    if (b->tokens > RETRY_BUCKET)
        b->tokens = RETRY_BUCKET;
}

/* Full jitter under 1 s, 2 s, 4 s ... 20 s: clients that failed together do not come back together.
 */
int64_t retry_delay(int index, double unit)
{
    int64_t seconds = index < 5 ? INT64_C(1) << index : 20;
    return (int64_t)(unit * (double)(seconds * CLOCK_SECOND));
}
