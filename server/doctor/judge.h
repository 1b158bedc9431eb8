/* judge: from an answer, or from none, to a finding with its remedy. Private to server/doctor. Pure
 * functions. Each fills verdict, found and remedy; check and subject are the caller's. */
#ifndef STEPFLEET_DOCTOR_JUDGE_H
#define STEPFLEET_DOCTOR_JUDGE_H

#include "server/doctor/probe.h"

/* What messages say about us. */
struct facts {
    const char *region;
    const char *account; /* "" if it is not known */
    const char *caller;  /* an ARN; "" if it is not known */
};

/* Answers that came, about what the installation says of pattern `i` + 1; all is borrowed. */
void judge_caller(const struct installation *in, int i, const struct aws_response *response,
                  struct finding *f);
void judge_machine(const struct installation *in, int i, const struct aws_response *response,
                   struct finding *f);
void judge_summary_table(const struct installation *in, int i, const struct aws_response *response,
                         struct finding *f);
void judge_details_table(const struct installation *in, int i, const struct aws_response *response,
                         struct finding *f);
void judge_definition(const struct installation *in, int i, const struct aws_response *response,
                      struct finding *f);

/* A call that failed. The subject is in f already. */
void judge_error(const struct probe *probe, int i, const struct facts *facts,
                 const struct error *err, struct finding *f);
/* Whether nobody answered at all. */
bool judge_unreached(const struct error *err);
/* The region in use against those that the state machines' ARNs name. */
void judge_region(const struct installation *in, const char *region, struct finding *f);
/* The service's clock against ours, wall microseconds; theirs 0: nobody told. */
void judge_clock(int64_t theirs, int64_t ours, struct finding *f);

#endif
