/* report: findings as lines on stdout, in text or as JSON objects. Private to server/doctor. Owned
 * by the command. */
#ifndef STEPFLEET_DOCTOR_REPORT_H
#define STEPFLEET_DOCTOR_REPORT_H

#include "server/doctor/probe.h"

#include <stdio.h>

struct report {
    FILE *out;
    bool json;
    bool failed; /* something was VERDICT_FAIL, or could not be written */
};

/* Writes one line. */
void report_add(struct report *r, const struct finding *f);

#endif
