/* source: the sources of the credential chain, one small file each, and what they share. Private to
 * lib/aws. All of them may wait for I/O, each with a limit; any thread. */
#ifndef STEPFLEET_AWS_SOURCE_H
#define STEPFLEET_AWS_SOURCE_H

#include "lib/aws/credentials.h"
#include "lib/aws/sts.h"

/* NOT_CONFIGURED passes the question on to the next source (err may tell why, for the message when
 * there is none left); FAILED ends the search, because half a configuration is a mistake that must
 * be told and not papered over by the next source. */
enum found { NOT_CONFIGURED, FOUND, FAILED };

/* What a source works with; all borrowed. */
struct source_input {
    const struct aws_options *options;
    const atomic_bool *stop; /* may be NULL */
};

/* *out comes empty and is filled only if FOUND is returned. */
typedef enum found (*source_fn)(const struct source_input *in, struct credentials *out,
                                struct error *err);
enum found source_options(const struct source_input *in, struct credentials *out,
                          struct error *err);
enum found source_environment(const struct source_input *in, struct credentials *out,
                              struct error *err);
enum found source_web_identity(const struct source_input *in, struct credentials *out,
                               struct error *err);
enum found source_profile(const struct source_input *in, struct credentials *out,
                          struct error *err);
enum found source_container(const struct source_input *in, struct credentials *out,
                            struct error *err);
enum found source_imds(const struct source_input *in, struct credentials *out, struct error *err);

/* Copies texts into *out; token may be NULL or "". FOUND, or FAILED when memory is out. */
enum found source_copy(struct credentials *out, const char *id, const char *secret,
                       const char *token, struct error *err);
/* Reads a JSON object with AccessKeyId, SecretAccessKey, `token_name` and Expiration (optional). -1
 * with ERR_SYNTAX; the message never holds any of the text. */
int source_read_json(const char *text, size_t len, const char *token_name, struct credentials *out,
                     struct error *err);
/* The same of a parsed object. */
int source_read_object(const json_t *object, const char *token_name, struct credentials *out,
                       struct error *err);

/* Runs credential_process's command line and reads what it prints. */
int source_process(const struct source_input *in, const char *command, struct credentials *out,
                   struct error *err);

/* Asks STS for a role: signed by `base`, or (base NULL) by the web identity token in the role. A
 * session without a name gets one. */
int source_role(const struct source_input *in, const struct sts_role *role,
                const struct credentials *base, struct credentials *out, struct error *err);
/* AssumeRoleWithWebIdentity with the token in a file, which is read anew at every call, for it is
 * rotated. */
int source_web_identity_role(const struct source_input *in, const struct sts_role *role,
                             const char *token_file, struct credentials *out, struct error *err);

/* How a metadata service is asked. */
struct source_http {
    const struct http_request *request;
    int attempts;
    int64_t pause; /* microseconds between them */
};
/* Sends, and sends again after network errors, timeouts, 429 and 5xx. 0: an answer came, whatever
 * its status; the caller frees it. */
int source_http_call(const struct source_input *in, const struct source_http *how,
                     struct http_response *out, struct error *err);

/* True once the chain was told to stop, or its program was. */
bool source_stopped(const struct source_input *in);
/* The options' clock, or the system's. */
const struct clock *source_clock(const struct source_input *in);

/* The region of the instance by its metadata. NOT_CONFIGURED where there is none. */
enum found imds_region(const struct aws_options *options, char *out, size_t size,
                       struct error *err);

#endif
