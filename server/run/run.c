/* Accepting a run. All that can be refused is refused here, before anything is written; what is
 * written is one transaction, so a run exists whole or not at all. */
#include "server/run/run_private.h"

#include "lib/crypto/crypto.h"
#include "server/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_MAX = 255,           /* characters of an Idempotency-Key */
    EXECUTION_NAME_MAX = 80, /* Step Functions' limit */
    EXECUTION_PREFIX_MAX = 48,
    ID_KEY_BITS = 52, /* an id is below 2^53 */
    ID_TRIES = 64,    /* generated ids are bumped this often before it counts as an error */
};

/* NULL is no key. A key becomes part of log lines and of a unique index: printable and short. */
static int check_key(const char *key, struct error *err)
{
    size_t len = key ? strlen(key) : 1;
    if (len == 0 || len > KEY_MAX)
        return err_set(err, ERR_ARGUMENT,
                       "Idempotency-Key must have 1 to %d characters, this one has %zu", KEY_MAX,
                       len);
    for (const char *c = key; c && *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            return err_set(err, ERR_ARGUMENT, "Idempotency-Key must be printable ASCII");
    return 0;
}

/* Digest of pattern, parent and body: tells whether a repeated key asks for the same. */
static int hash_request(const struct run_request *request, int pattern, char out[SHA256_HEX],
                        struct error *err)
{
    struct digest *d = digest_new(DIGEST_SHA256, err);
    unsigned char sum[DIGEST_BYTES_MAX];
    unsigned char tag = (unsigned char)pattern;
    if (!d)
        return -1;
    int rc = digest_add(d, &tag, 1, err);
    if (!rc && request->parent_id)
        rc = digest_add(d, &request->parent_id, sizeof request->parent_id, err);
    if (!rc)
        rc = digest_add(d, request->body, request->len, err);
    if (!rc && digest_end(d, sum) != SHA256_BYTES)
        rc = err_set(err, ERR_INTERNAL, "the digest of the request could not be computed");
    if (!rc)
        crypto_hex(sum, SHA256_BYTES, out);
    digest_free(d);
    return rc;
}

/* <workflow>-<id>: safe characters only, deterministic, at most 80. */
static void name_execution(const char *workflow, int64_t id, char out[EXECUTION_NAME_MAX + 1])
{
    size_t n = 0;
    for (const char *c = workflow; *c && n < EXECUTION_PREFIX_MAX; c++) {
        bool safe = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= 'a' && *c <= 'z') || *c == '_' || *c == '-';
        out[n++] = safe ? *c : '-';
    }
    (void)snprintf(out + n, EXECUTION_NAME_MAX + 1 - n, "-%" PRId64, id);
}

/* With a key the name comes from the key, so that a second control plane with the same key cannot
 * start a second execution. */
static int name_by_key(const char *key, char out[EXECUTION_NAME_MAX + 1], struct error *err)
{
    char hex[SHA256_HEX];
    if (crypto_sha256_hex(key, strlen(key), hex, err))
        return -1;
    (void)snprintf(out, EXECUTION_NAME_MAX + 1, "key-%.64s", hex);
    return 0;
}

/* Everything of a new run but its id. */
struct draft {
    struct store_new_run row;
    struct run_input input;
    struct buf labels;
    char hash[SHA256_HEX];
    char execution[EXECUTION_NAME_MAX + 1];
    struct store_new_task *tasks;
};

/* So does the id, from key and request: two control planes that are asked for the same make the
 * same run, and those that are asked for different things do not take one for the other. Ids by
 * time are below 2^52 until the year 2112, these above. */
static int id_by_key(const struct draft *d, int64_t *id, struct error *err)
{
    unsigned char sum[SHA256_BYTES];
    char text[KEY_MAX + SHA256_HEX + 2];
    uint64_t bits = 0;
    int n = snprintf(text, sizeof text, "%s\n%s", d->row.idempotency_key, d->hash);
    if (crypto_sha256(text, (size_t)n, sum, err))
        return -1;
    for (size_t i = 0; i < sizeof bits; i++)
        bits = bits << 8 | sum[i];
    *id = (int64_t)(bits >> (64 - ID_KEY_BITS) | UINT64_C(1) << ID_KEY_BITS);
    return 0;
}

struct store_new_task *run_new_tasks(const struct spec *spec)
{
    struct store_new_task *tasks = calloc(spec->task_count, sizeof *tasks);
    for (size_t i = 0; tasks && i < spec->task_count; i++)
        tasks[i] = (struct store_new_task){.name = spec->tasks[i].task_name,
                                           .s3_bucket = spec->tasks[i].s3_bucket_name,
                                           .object_key = spec->tasks[i].object_key};
    return tasks;
}

/* NULL members are fine. */
static void draft_close(struct draft *d)
{
    run_input_close(&d->input);
    buf_free(&d->labels);
    free(d->tasks);
}

/* The request is kept as it came; what is completed goes into the execution's input only. */
static int draft_open(struct draft *d, const struct run_request *request, const struct spec *spec,
                      struct error *err)
{
    *d = (struct draft){.tasks = run_new_tasks(spec)};
    run_input_open(&d->input);
    buf_init(&d->labels, BUF_MAX_LINE);
    json_t *labels = json_object_get(spec->root, "labels");
    if (labels)
        json_dump(&d->labels, labels);
    d->row = (struct store_new_run){.pattern = spec->pattern,
                                    .workflow_name = spec->workflow_name,
                                    .execution_name = d->execution,
                                    .request = request->body,
                                    .request_len = request->len,
                                    .idempotency_key = request->idempotency_key,
                                    .request_hash = d->hash,
                                    .labels = labels ? buf_str(&d->labels) : NULL,
                                    .parent_id = request->parent_id,
                                    .tasks = d->tasks,
                                    .task_count = spec->task_count};
    if (!d->tasks)
        return err_set(err, ERR_MEMORY, "out of memory");
    if (buf_check(&d->labels, err))
        return err_wrap(err, "labels");
    return hash_request(request, spec->pattern, d->hash, err);
}

/* Writes the draft under this id. */
static int write_draft(const struct services *sv, struct draft *d, const struct spec *spec,
                       int64_t id, int64_t *existing, struct error *err)
{
    d->row.id = id;
    if (run_input_make(spec, id, &d->input, err))
        return -1;
    d->row.input = buf_str(&d->input.text);
    d->row.input_len = d->input.text.len;
    if (!d->row.idempotency_key)
        name_execution(spec->workflow_name, id, d->execution);
    else if (name_by_key(d->row.idempotency_key, d->execution, err))
        return -1;
    return store_run_create(sv->store, &d->row, existing, err);
}

/* The spec's own id, the key's, or the time in microseconds, bumped past ids in use. */
static int write_run(const struct services *sv, struct draft *d, const struct spec *spec,
                     struct run_accepted *out, struct error *err)
{
    int64_t existing = 0;
    int64_t id = spec->workflow_run_id ? spec->workflow_run_id : clock_wall(sv->clock);
    const bool by_key = d->row.idempotency_key && !spec->workflow_run_id;
    int tries = spec->workflow_run_id || by_key ? 1 : ID_TRIES;
    int rc = -1;
    if (by_key && id_by_key(d, &id, err))
        return -1;
    for (int i = 0; i < tries && rc; i++) {
        rc = write_draft(sv, d, spec, id + i, &existing, err);
        if (rc && (!err || err->code != ERR_CONFLICT))
            return -1;
        *out = (struct run_accepted){.id = existing ? existing : id + i, .existing = existing != 0};
    }
    return rc;
}

/* A repeated key is answered with the run it made: nothing to log, nobody to wake. */
static int submit_spec(const struct services *sv, const struct run_request *request,
                       const struct spec *spec, struct run_accepted *out, struct error *err)
{
    struct draft d;
    int rc = draft_open(&d, request, spec, err);
    if (!rc)
        rc = write_run(sv, &d, spec, out, err);
    draft_close(&d);
    if (rc || out->existing)
        return rc;
    log_info(sv->log, "run accepted", LOG_INT("run_id", out->id),
             LOG_STR("workflow", spec->workflow_name), LOG_INT("pattern", spec->pattern),
             LOG_INT("tasks", (int64_t)spec->task_count));
    if (sv->wake_control)
        sv->wake_control(sv->wake_ctx);
    return 0;
}

/* A run that could never start is refused now, not accepted and failed later; and before the rest
 * of the spec, for which nothing is known here. 0: not told. */
static int check_offer(const struct services *sv, int pattern, struct json_problems *problems,
                       struct error *err)
{
    if (!pattern || sv->offered[pattern])
        return 0;
    json_problem_add(problems, "/pattern",
                     "this server has no state machine for pattern %d: start it with "
                     "--state-machine-%d ARN or the --outputs of its deployment, or use the other "
                     "pattern",
                     pattern, pattern);
    return err_set(err, ERR_SPEC_INVALID, "pattern %d is not offered here", pattern);
}

/* The key is checked first: it is the cheapest to refuse. A spec without a pattern is refused for
 * just that: either pattern's defaults will do. */
int run_read_spec(const struct services *sv, const struct run_request *request, struct spec *out,
                  struct json_problems *problems, struct error *err)
{
    json_t *tree = NULL;
    if (check_key(request->idempotency_key, err) ||
        json_parse(request->body, request->len, &tree, err))
        return -1;
    int pattern = spec_guess_pattern(tree, request->pattern);
    const json_t *defaults = sv->spec_defaults[pattern ? pattern : sv->offered[1] ? 1 : 2];
    int rc = check_offer(sv, pattern, problems, err);
    if (!rc)
        rc = spec_read(tree, request->pattern, defaults, out, problems, err);
    json_decref(tree);
    return rc;
}

int run_submit(const struct services *sv, const struct run_request *request,
               struct run_accepted *out, struct json_problems *problems, struct error *err)
{
    struct spec spec = {0};
    struct error mine = {0};
    if (!err)
        err = &mine;
    int rc = run_read_spec(sv, request, &spec, problems, err);
    if (!rc)
        rc = submit_spec(sv, request, &spec, out, err);
    spec_free(&spec);
    return rc;
}
