/* fake_aws: an AWS endpoint on a free loopback port that answers by script and keeps what it was
 * asked. For tests of code that uses a struct aws. Thread-safe. */
#ifndef STEPFLEET_TESTS_FAKE_AWS_H
#define STEPFLEET_TESTS_FAKE_AWS_H

#include "lib/aws/aws.h"

#include <stddef.h>

struct fake_aws;

/* Starts the server; any failure ends the test. */
struct fake_aws *fake_aws_start(void);
/* Answers what it still holds with 500, stops the server and frees everything. */
void fake_aws_stop(struct fake_aws *f);
/* Options of a client that talks to it, with one attempt a call. */
struct aws_options fake_aws_options(const struct fake_aws *f);

/* The next answer to an operation ("StartExecution"). Answers are given in the order they were
 * added; the last one again and again. status 0: never answered. Texts are copied. */
void fake_aws_answer(struct fake_aws *f, const char *operation, int status, const char *body);
/* The same, with status 200, for those calls only whose body has the text `about` (a literal) in
 * it: for calls that are in flight side by side and may come in any order. */
void fake_aws_answer_about(struct fake_aws *f, const char *operation, const char *about,
                           const char *body);
/* A service's error: {"__type": type, "message": message} with status 400. */
void fake_aws_refuse(struct fake_aws *f, const char *operation, const char *type,
                     const char *message);

/* Waits until an operation was asked for so often (50 s at most; then the test fails). */
void fake_aws_wait(struct fake_aws *f, const char *operation, size_t times);
/* How often the operation was called so far. */
size_t fake_aws_count(struct fake_aws *f, const char *operation);
/* The body of the nth call (from 0) of an operation, a new reference. */
json_t *fake_aws_body(struct fake_aws *f, const char *operation, size_t n);
/* The place of the nth call of an operation among all calls. */
size_t fake_aws_place(struct fake_aws *f, const char *operation, size_t n);

#endif
