/* gate_private: what the files of the gate share. Only they include it. */
#ifndef STEPFLEET_GATE_PRIVATE_H
#define STEPFLEET_GATE_PRIVATE_H

#include "lib/http_server/http_server.h"
#include "server/local/gate/gate.h"

/* Longer names are none of ours. */
enum { GATE_HOST_MAX = 64, GATE_SCOPE_MAX = 32, GATE_OPERATION_MAX = 64 };

/* One for each endpoint. What stands before `lock` is fixed once it is open. */
struct gate {
    struct gate_options options; /* host is not used after gate_open */
    char listen_host[GATE_HOST_MAX];
    struct http_server *server;
};

/* The form a service's answers and errors have. */
enum gate_form { GATE_FORM_S3, GATE_FORM_JSON, GATE_FORM_LAMBDA, GATE_FORM_QUERY };

/* What a request is for. */
struct gate_target {
    enum gate_form form;
    const char *scope;        /* the service's name in a credential scope */
    const char *content_type; /* of GATE_FORM_JSON */
    const struct local_service *service;
    char operation[GATE_OPERATION_MAX];
    bool crc32; /* answers carry x-amz-crc32 */
    bool known; /* false: X-Amz-Target or scope of a service that is not here */
};

/* A refusal, in the service's own terms. */
struct gate_refusal {
    int status; /* 0: none */
    const char *code;
    char message[160];
};

/* Tells from X-Amz-Target, path and credential scope what a request is for. */
void gate_find_target(const struct gate *g, const struct http_exchange *x,
                      struct gate_target *target);
/* Host, Origin and Authorization. True when the request may come in. */
bool gate_check(const struct gate *g, const struct http_exchange *x,
                const struct gate_target *target, struct gate_refusal *refusal);
/* Copies the service of the credential scope to out; "" if there is none. */
void gate_scope(const struct http_exchange *x, char out[GATE_SCOPE_MAX]);
/* Answers with an error in the target's form. */
void gate_refuse(struct http_exchange *x, const struct gate_target *target,
                 const struct gate_refusal *refusal);
/* Parses the body, defers the exchange and calls the service. */
void gate_call(struct gate *g, struct http_exchange *x, const struct gate_target *target);

#endif
