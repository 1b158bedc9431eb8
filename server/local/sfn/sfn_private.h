/* sfn_private: struct local_sfn, and how its API operations are built.
 *
 * Reads are answered on the caller's thread from connections of their own and never wait for the
 * engine. Everything that changes something is a struct request: it is checked on the caller's
 * thread, decided on the engine's, and answered after the commit. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_PRIVATE_H
#define STEPFLEET_SFN_PRIVATE_H

#include "server/local/sfn/engine.h"
#include "server/local/sfn/local_sfn.h"
#include "server/local/sfn/sfn_reader.h"

#include <pthread.h>

enum { SFN_READERS = 2, SFN_NAME_MAX = 80, SFN_TOKEN_MAX = 128 };

struct local_sfn {
    char *region;
    const struct clock *clock;
    const struct log *log;
    struct sfn_backend backend;
    struct local_service service;
    struct sfn_db *db;
    struct engine *engine;
    struct mailbox *mailbox; /* the engine's, held: requests may come while it closes */
    struct sfn_reader *readers[SFN_READERS];
    pthread_t thread;
    bool running;
    int stopping; /* atomic */
};

/* Opens with another backend than the options' services (tests); `states` is filled in. */
struct local_sfn *sfn_open_with(const struct local_sfn_options *options,
                                const struct sfn_backend *backend, struct error *err);
/* One turn of an engine that has no thread (tests): see engine_turn. */
int64_t sfn_turn(struct local_sfn *s, int64_t wait);
/* CreateStateMachine; seeding: a machine that exists gets the definition. */
void sfn_create_machine(struct local_sfn *s, struct local_call *call, bool seeding);
/* Resumes what was running, without starting the thread. */
int sfn_resume(struct local_sfn *s, struct error *err);

/* One change under way. Embedded first in the request of each operation. */
struct request {
    struct message message;
    struct effect effect;
    struct local_call *call;
    json_t *output; /* the answer; NULL with a fault */
    int status;
    char code[64];
    char text[1024];
    /* Decides on the engine's thread: request_reply or request_fault. */
    void (*decide)(struct engine *e, struct request *r);
    /* Releases what the operation's own struct holds. */
    void (*release)(struct request *r);
};

/* A zeroed request of `size` bytes; NULL: the call has been answered (out of memory). */
struct request *request_new(struct local_call *call, size_t size,
                            void (*decide)(struct engine *e, struct request *r),
                            void (*release)(struct request *r));
/* Hands the request to the engine, which owns it from now on. Any thread. */
void request_post(struct local_sfn *s, struct request *r);
/* The answer after the commit; output is taken over, NULL: out of memory. `write` may be NULL. */
void request_reply(struct engine *e, struct request *r, json_t *output,
                   int (*write)(struct effect *self, struct sfn_db *db, struct error *err));
/* The refusal (HTTP 400) after the commit; text is cut at 1,023 bytes. */
void request_fault(struct engine *e, struct request *r, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Gives a request up that was never posted; the call has been answered. */
void request_cancel(struct request *r);
/* The request an effect is embedded in. */
struct request *request_of(struct effect *effect);

/* Checks of members; each answers the call with a fault and false when it is unfit. */
bool check_machine_arn(struct local_call *call, const char *member, const char **arn);
/* executionArn, of a standard execution. */
bool check_execution_arn(struct local_call *call, const char **arn);
/* mapRunArn. */
bool check_map_run_arn(struct local_call *call, const char **arn);
/* 1 to 80 characters, none of those AWS forbids. */
bool check_name(struct local_call *call, const char *name);
/* Refuses members that the operation does not know; `known` is NULL-terminated. */
bool check_members(struct local_call *call, const char *const *known);
/* maxResults 0..1000; 0 and absent: 100. */
bool check_page(struct local_call *call, int64_t *limit);
/* nextToken: a number this service gave out; absent: `first`. */
bool check_token(struct local_call *call, int64_t first, int64_t *at);
/* The nextToken that check_token reads; new reference. */
json_t *page_token(int64_t at);
/* Wire dates: seconds with milliseconds. */
json_t *wire_date(int64_t wall);

/* The service's entry: any operation by its name. */
void sfn_service_call(void *self, struct local_call *call);
/* A reader that is free, locked; sfn_reader_unlock gives it back. */
struct sfn_reader *sfn_reader_take(struct local_sfn *s);
/* Ends a read that found nothing (0: the code, "WHAT Does Not Exist: 'ARN'") or failed (-1). */
void answer_missing(struct local_call *call, int found, const struct error *err, const char *code,
                    const char *what, const char *arn);

/* Operations, one file a noun. */
#define SFN_OPERATION(name) void name(struct local_sfn *s, struct local_call *call)
SFN_OPERATION(api_create_machine);
SFN_OPERATION(api_update_machine);
SFN_OPERATION(api_delete_machine);
SFN_OPERATION(api_describe_machine);
SFN_OPERATION(api_describe_machine_for_execution);
SFN_OPERATION(api_list_machines);
SFN_OPERATION(api_validate);
SFN_OPERATION(api_start);
SFN_OPERATION(api_start_sync);
SFN_OPERATION(api_stop);
SFN_OPERATION(api_describe);
SFN_OPERATION(api_list);
SFN_OPERATION(api_history);
SFN_OPERATION(api_describe_map_run);
SFN_OPERATION(api_list_map_runs);
SFN_OPERATION(api_update_map_run);
SFN_OPERATION(api_task_success);
SFN_OPERATION(api_task_failure);
SFN_OPERATION(api_task_heartbeat);
SFN_OPERATION(api_tag);
SFN_OPERATION(api_untag);
SFN_OPERATION(api_list_tags);

#endif
