/* cred_fixture: the surroundings of the credential chain for tests: an environment, files, a peer
 * that plays metadata services and STS, and a clock to be turned by hand.
 *
 * There is one a process (Criterion runs each test in its own), because getenv has no context. */
#ifndef STEPFLEET_TESTS_CRED_FIXTURE_H
#define STEPFLEET_TESTS_CRED_FIXTURE_H

#include "lib/aws/credentials.h"
#include "tests/unit/http_peer.h"
#include "tests/unit/temp_folder.h"

#define CRED_NOW INT64_C(1704164645) /* 2024-01-02T03:04:05Z, in seconds */

#define CRED_CONTAINER_BODY                                                                        \
    "{\"AccessKeyId\":\"CK\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","                           \
    "\"Expiration\":\"2024-01-02T09:04:05Z\",\"RoleArn\":\"r\"}"
#define CRED_IMDS_BODY                                                                             \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"IK\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","      \
    "\"Expiration\":\"2024-01-02T09:04:05Z\"}"
#define CRED_STS_BODY(op, id)                                                                      \
    "<" op "Response><" op "Result><Credentials><AccessKeyId>" id "</AccessKeyId>"                 \
    "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"                           \
    "<Expiration>2024-01-02T04:04:05Z</Expiration></Credentials></" op "Result></" op "Response>"
#define CRED_STS_ERROR(code)                                                                       \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>no</Message></Error>"  \
    "</ErrorResponse>"
#define CRED_ROLE_PATH "/latest/meta-data/iam/security-credentials/"

/* What the peer answers; the first line that fits and is not used up does. */
struct cred_line {
    const char *method;
    const char *target; /* begins so */
    const char *within; /* in headers or body; NULL: anything */
    int status;
    const char *body;
    int times; /* 0: always */
};

/* An empty environment but for HOME and no instance, an empty home, a peer that answers 404. */
void cred_open(void);
void cred_close(void);
/* Sets (value NULL: unsets) a variable; the texts are borrowed. */
void cred_set(const char *name, const char *value);
/* "$PEER" at the begin of a value stands for the peer's URL. */
void cred_set_url(const char *name, const char *path);
/* Writes ~/<name> and returns its path, which lives until cred_close. */
const char *cred_file(const char *name, const char *text);
/* Lines are added behind those that are there; texts are borrowed. */
void cred_answer(struct cred_line line);
void cred_forget(void); /* all lines */
/* How many requests came whose target begins so. */
int cred_count(const char *target);
/* The header lines and the body of the last request. */
const char *cred_last_headers(void);
const char *cred_last_body(void);
/* Holds answers back until cred_release. */
void cred_hold(bool hold);
int cred_held(void);
void cred_release(void);
/* Turns wall and monotonic time on. Monotonic time runs a thousand times too fast besides. */
void cred_pass(int64_t seconds);
/* So many times too fast instead, from the next look at it on. */
void cred_set_pace(int64_t times);
/* Only the wall clock is wrong by so much from now on. */
void cred_set_skew(int64_t seconds);
/* Region eu-west-1, and all of the above. */
struct aws_options cred_options(void);

/* The peer plays the metadata of an instance that has a role. */
void cred_instance(void);
/* The chain finds this key id, in this source. */
void cred_expect(const char *id, const char *source);
/* The chain fails; the message holds both texts, and never "hush", which secrets contain. */
void cred_expect_refusal(const char *source, const char *says);

#endif
