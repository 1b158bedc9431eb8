/* probe: what is asked of AWS about an installation, as a table, and what is found. Private to
 * server/doctor. All functions are pure; texts are borrowed. */
#ifndef STEPFLEET_DOCTOR_PROBE_H
#define STEPFLEET_DOCTOR_PROBE_H

#include "lib/aws/aws.h"
#include "lib/spec/spec.h"
#include "server/app/machines.h"

/* What is looked at. Index 0 is pattern 1. */
struct installation {
    const char *region;                 /* NULL: the AWS client found one */
    const char *region_from;            /* where it came from */
    const struct spec *specs[PATTERNS]; /* NULL: not told */
    const char *arns[PATTERNS];         /* state machines; NULL: not offered */
};

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

/* One line of the report. */
struct finding {
    enum verdict verdict;
    const char *check;   /* "details table" */
    const char *subject; /* its name; "" if there is only one */
    char found[ERR_MESSAGE_MAX];
    char remedy[1024]; /* "" if all is well */
};
/* Fills verdict and found. */
void finding_set(struct finding *f, enum verdict verdict, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Fills the remedy. */
void finding_remedy(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One call. Its answer is judged by `judge`, a failure by judge_error; without `judge` an answer is
 * good whatever it says. */
struct probe {
    const char *check;
    enum aws_service service;
    const char *action;  /* what IAM calls it */
    bool needed;         /* a server calls it, too; else only this command, so at most a warning */
    const char *expects; /* the error that proves it allowed, for things that are not there */
    const char *(*subject)(const struct installation *in, int i); /* NULL: nothing to ask */
    int (*build)(const struct installation *in, int i, struct aws_request *r, struct error *err);
    void (*judge)(const struct installation *in, int i, const struct aws_response *response,
                  struct finding *f);
};

/* The first row asks who we are. A row is asked once for each pattern that has a subject of its
 * own. */
enum { PROBES = 14 };
extern const struct probe probes[PROBES];

#endif
