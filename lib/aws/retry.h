/* retry: which failures are tried again, when, and how many a client may try.
 *
 * The SDKs' standard mode as botocore codes it: full jitter over min(2^i, 20 s), a bucket of 500
 * tokens a client. The bucket belongs to one client and its thread; the rest is pure. */
#ifndef STEPFLEET_AWS_RETRY_H
#define STEPFLEET_AWS_RETRY_H

#include "lib/aws/aws.h"

enum retry_kind { RETRY_NEVER, RETRY_TRANSIENT, RETRY_TIMEOUT, RETRY_THROTTLE };

/* By the kind of error, the service's error code, the message, then the HTTP status. */
enum retry_kind retry_classify(enum aws_service service, const struct error *err);

enum { RETRY_BUCKET = 500 };

struct retry_bucket {
    int tokens;
};
/* Fills the bucket. */
void retry_bucket_open(struct retry_bucket *b);
/* Takes what a retry of this kind costs (also told in *cost); false if there is not enough. */
bool retry_bucket_take(struct retry_bucket *b, enum retry_kind kind, int *cost);
/* A success gives back its last retry's cost, or 1 if it had none (cost 0). */
void retry_bucket_refund(struct retry_bucket *b, int cost);

/* Microseconds to wait before retry `index` (from 0); unit is a random number in [0, 1). */
int64_t retry_delay(int index, double unit);

#endif
