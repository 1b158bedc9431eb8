/* demo_check: the starter kit's expected outputs, looked up in the services themselves (Step
 * Functions, DynamoDB, S3), not in the control plane. One thread. */
#ifndef STEPFLEET_DEMO_CHECK_H
#define STEPFLEET_DEMO_CHECK_H

#include "lib/aws/aws.h"
#include "lib/crypto/crypto.h"
#include "lib/spec/spec.h"
#include "server/demo/demo_view.h"

#include <stdbool.h>

struct demo_check {
    struct aws *aws;         /* borrowed */
    const struct spec *spec; /* what was submitted */
    const struct demo_progress *run;
    const char *input_sha256; /* hex, of the input object */
};

/* Prints one line for each expectation; true only if every one of them was seen. */
bool demo_check_run(const struct demo_check *c);

#endif
