/* CreateStateMachine, UpdateStateMachine, DeleteStateMachine.
 *
 * Definitions are compiled on the caller's thread; the engine only compares, keeps and stores. */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LOGGING "{\"level\":\"OFF\",\"includeExecutionData\":false}"
#define DEFAULT_TRACING "{\"enabled\":false}"

struct machine_request {
    struct request request; /* first */
    char *arn;
    char *definition; /* NULL: unchanged */
    char *role;       /* NULL: unchanged */
    char *tags;       /* JSON text; NULL: none */
    struct machine *machine;
    bool express;
    bool seeding; /* start-up: an existing machine gets the definition */
    int64_t id, definition_id, created, updated;
    char *revision;
};

static void machine_request_release(struct request *r)
{
    struct machine_request *m = (struct machine_request *)r;
    machine_release(m->machine);
    free(m->arn);
    free(m->definition);
    free(m->role);
    free(m->tags);
    free(m->revision);
}

/* Definitions are never changed: an update adds one, and executions keep theirs. */
static int write_definition(struct machine_request *m, struct sfn_db *db, struct error *err)
{
    const struct definition_row row = {.id = m->definition_id,
                                       .machine_id = m->id,
                                       .text = m->definition,
                                       .role = m->role,
                                       .revision = m->revision,
                                       .logging = DEFAULT_LOGGING,
                                       .tracing = DEFAULT_TRACING,
                                       .created = m->updated};
    return sfn_db_put_definition(db, &row, err);
}

static int write_machine(struct effect *self, struct sfn_db *db, struct error *err)
{
    struct machine_request *m = (struct machine_request *)request_of(self);
    const struct machine_row row = {.id = m->id,
                                    .definition_id = m->definition_id,
                                    .arn = m->arn,
                                    .type = m->express ? "EXPRESS" : "STANDARD",
                                    .created = m->created};
    if (write_definition(m, db, err) || sfn_db_put_machine(db, &row, err))
        return -1;
    return m->tags ? sfn_db_put_tags(db, m->id, m->tags, err) : 0;
}

static int delete_machine(struct effect *self, struct sfn_db *db, struct error *err)
{
    struct machine_request *m = (struct machine_request *)request_of(self);
    return sfn_db_delete_machine(db, m->id, err);
}

/* Compiles the definition; answers the call when it has problems. */
static struct machine *compile(struct local_sfn *s, struct local_call *call, const char *definition,
                               bool express)
{
    struct machine_problems problems = {0};
    struct error err = {0};
    struct buf text;
    const struct machine_options options = {.region = s->region, .express = express};
    if (strlen(definition) > MACHINE_DEFINITION_MAX) {
        local_fault(call, 400, "InvalidDefinition",
                    "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The definition "
                    "is larger than %d bytes'",
                    MACHINE_DEFINITION_MAX);
        return NULL;
    }
    struct machine *m = machine_compile(definition, strlen(definition), &options, &problems, &err);
    if (m)
        return m;
    buf_init(&text, BUF_MAX_LINE);
    machine_problems_text(&problems, &text);
    if (err.code)
        local_fault(call, 500, "InternalServerError", "%s", err.message);
    else
        local_fault(call, 400, "InvalidDefinition", "Invalid State Machine Definition: '%s'",
                    buf_str(&text));
    buf_free(&text);
    machine_problems_free(&problems);
    return NULL;
}

/* What StartExecution needs, in memory. */
static struct machine_entry *make_entry(struct machine_request *m)
{
    struct machine_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->arn = strdup(m->arn);
    entry->role = strdup(m->role);
    if (!entry->arn || !entry->role) {
        machine_entry_free(entry);
        return NULL;
    }
    entry->name = strrchr(entry->arn, ':') + 1;
    entry->id = m->id;
    entry->definition_id = m->definition_id;
    entry->created = entry->updated = m->created;
    entry->express = m->express;
    entry->machine = machine_hold(m->machine);
    return entry;
}

static json_t *created_answer(const char *arn, int64_t created)
{
    return json_pack("{s:s, s:o}", "stateMachineArn", arn, "creationDate", wire_date(created));
}

/* Creating is idempotent for the same definition text, role and type (recorded). */
static bool same_machine(struct engine *e, const struct machine_entry *entry,
                         const struct machine_request *m)
{
    char *text = sfn_db_definition(e->db, entry->definition_id, NULL);
    bool same = text && strcmp(text, m->definition) == 0 && strcmp(entry->role, m->role) == 0 &&
                entry->express == m->express;
    free(text);
    return same;
}

/* Gives the entry another definition, role or both; executions that run keep theirs. */
static int change_entry(struct engine *e, struct machine_entry *entry, struct machine_request *m)
{
    char revision[UUID_TEXT];
    char *role = strdup(m->role);
    if (crypto_uuid(revision, NULL) || !role) {
        free(role);
        return -1;
    }
    m->revision = strdup(revision);
    free(entry->revision);
    entry->revision = m->revision ? strdup(m->revision) : NULL;
    free(entry->role);
    entry->role = role;
    if (m->machine) {
        machine_release(entry->machine);
        entry->machine = machine_hold(m->machine);
    }
    m->id = entry->id;
    m->created = entry->created;
    m->updated = entry->updated = e->now;
    m->express = entry->express;
    m->definition_id = entry->definition_id = e->next_definition++;
    return 0;
}

/* A machine of that name: the same again, another one, or start-up with a newer definition. */
static void decide_existing(struct engine *e, struct machine_request *m,
                            struct machine_entry *entry)
{
    bool same = same_machine(e, entry, m);
    if (same || (m->seeding && change_entry(e, entry, m) == 0))
        request_reply(e, &m->request, created_answer(entry->arn, entry->created),
                      same ? NULL : write_machine);
    else
        request_fault(e, &m->request, "StateMachineAlreadyExists",
                      "State Machine Already Exists: '%s'", m->arn);
}

static void decide_create(struct engine *e, struct request *r)
{
    struct machine_request *m = (struct machine_request *)r;
    struct machine_entry *entry = names_get(&e->machines, m->arn);
    if (entry) {
        decide_existing(e, m, entry);
        return;
    }
    m->id = e->next_machine++;
    m->definition_id = e->next_definition++;
    m->created = m->updated = e->now;
    entry = make_entry(m);
    if (!entry || names_add(&e->machines, entry->arn, entry)) {
        machine_entry_free(entry);
        request_fault(e, r, "InternalServerError", "out of memory");
        return;
    }
    request_reply(e, r, created_answer(m->arn, m->created), write_machine);
}

/* [{key,value}] as {key: value}; false: answered. */
static bool read_tags(struct local_call *call, char **text)
{
    size_t i;
    json_t *tag;
    json_t *tags = json_object_get(call->input, "tags");
    if (!tags)
        return true;
    json_t *map = json_object();
    json_array_foreach (tags, i, tag)
        json_object_set_new(map, json_str(tag, "key", ""), json_string(json_str(tag, "value", "")));
    *text = json_dumps(map, JSON_COMPACT);
    json_decref(map);
    if (*text && json_is_array(tags) && json_array_size(tags) <= 50)
        return true;
    local_fault(call, 400, "TooManyTags", "'tags' must be a list of at most 50 tags");
    return false;
}

/* New text or NULL. */
static char *machine_arn(const struct local_sfn *s, const char *name)
{
    char *arn = NULL;
    if (asprintf(&arn, "arn:aws:states:%s:%s:stateMachine:%s", s->region, LOCAL_ACCOUNT, name) < 0)
        return NULL;
    return arn;
}

/* What this endpoint would have to do and does not: said, not ignored. */
static bool check_offered(struct local_call *call)
{
    json_t *logging = json_object_get(call->input, "loggingConfiguration");
    json_t *tracing = json_object_get(call->input, "tracingConfiguration");
    const char *what = NULL;
    if (strcmp(json_str(logging, "level", "OFF"), "OFF") != 0) {
        bool one = json_array_size(json_object_get(logging, "destinations")) == 1;
        local_fault(call, 400, "InvalidLoggingConfiguration", "Invalid Logging Configuration: %s",
                    one ? "This endpoint does not offer execution logs."
                        : "Must specify exactly one Log Destination.");
        return false;
    }
    if (json_bool(tracing, "enabled", false))
        what = "tracingConfiguration";
    else if (json_bool(call->input, "publish", false))
        what = "publish (versions)";
    if (what)
        local_fault(call, 400, "ValidationException", "This endpoint does not offer %s", what);
    return !what;
}

static bool read_create(struct local_sfn *s, struct machine_request *m)
{
    struct local_call *call = m->request.call;
    const char *name = json_str(call->input, "name", "");
    const char *type = json_str(call->input, "type", "STANDARD");
    const char *definition = json_str(call->input, "definition", "");
    m->express = strcmp(type, "EXPRESS") == 0;
    if (!check_name(call, name) || !check_offered(call) || !read_tags(call, &m->tags))
        return false;
    if (!m->express && strcmp(type, "STANDARD") != 0) {
        local_fault(call, 400, "ValidationException",
                    "1 validation error detected: Value '%s' at 'type' failed to satisfy "
                    "constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]",
                    type);
        return false;
    }
    m->machine = compile(s, call, definition, m->express);
    if (!m->machine)
        return false;
    m->arn = machine_arn(s, name);
    m->definition = strdup(definition);
    m->role = strdup(json_str(call->input, "roleArn", ""));
    if (m->arn && m->definition && m->role)
        return true;
    local_fault(call, 500, "InternalServerError", "out of memory");
    return false;
}

void sfn_create_machine(struct local_sfn *s, struct local_call *call, bool seeding)
{
    struct machine_request *m = (struct machine_request *)request_new(
        call, sizeof *m, decide_create, machine_request_release);
    if (!m)
        return;
    m->seeding = seeding;
    if (read_create(s, m))
        request_post(s, &m->request);
    else
        request_cancel(&m->request);
}

void api_create_machine(struct local_sfn *s, struct local_call *call)
{
    sfn_create_machine(s, call, false);
}

/* The revision is told once there has been an update. */
static json_t *updated_answer(const struct machine_entry *entry)
{
    json_t *out = json_pack("{s:o}", "updateDate", wire_date(entry->updated));
    if (out && entry->revision)
        json_object_set_new(out, "revisionId", json_string(entry->revision));
    return out;
}

/* An update that changes nothing keeps its revision (recorded). */
static void decide_update(struct engine *e, struct request *r)
{
    struct machine_request *m = (struct machine_request *)r;
    struct machine_entry *entry = names_get(&e->machines, m->arn);
    if (!entry) {
        request_fault(e, r, "StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'",
                      m->arn);
        return;
    }
    if (!m->definition)
        m->definition = sfn_db_definition(e->db, entry->definition_id, NULL);
    if (!m->role)
        m->role = strdup(entry->role);
    if (!m->definition || !m->role) {
        request_fault(e, r, "InternalServerError", "out of memory");
        return;
    }
    m->express = entry->express;
    bool same = same_machine(e, entry, m);
    if (same)
        entry->updated = e->now;
    if (same || change_entry(e, entry, m) == 0)
        request_reply(e, r, updated_answer(entry), same ? NULL : write_machine);
    else
        request_fault(e, r, "InternalServerError", "out of memory");
}

static bool read_update(struct local_sfn *s, struct machine_request *m)
{
    struct local_call *call = m->request.call;
    const char *arn = NULL;
    const char *definition = json_str(call->input, "definition", NULL);
    const char *role = json_str(call->input, "roleArn", NULL);
    if (!check_machine_arn(call, "stateMachineArn", &arn) || !check_offered(call))
        return false;
    if (!definition && !role && !json_object_get(call->input, "loggingConfiguration") &&
        !json_object_get(call->input, "tracingConfiguration")) {
        local_fault(call, 400, "MissingRequiredParameter",
                    "Either the definition, the role ARN, the LoggingConfiguration, or the "
                    "TracingConfiguration must be specified");
        return false;
    }
    /* Whether it is an express machine is known to the engine only; what that forbids is told when
     * the machine is next compiled. */
    if (definition && !(m->machine = compile(s, call, definition, false)))
        return false;
    m->arn = strdup(arn);
    m->definition = definition ? strdup(definition) : NULL;
    m->role = role ? strdup(role) : NULL;
    return true;
}

void api_update_machine(struct local_sfn *s, struct local_call *call)
{
    struct machine_request *m = (struct machine_request *)request_new(
        call, sizeof *m, decide_update, machine_request_release);
    if (!m)
        return;
    if (read_update(s, m))
        request_post(s, &m->request);
    else
        request_cancel(&m->request);
}

/* Deleting what is not there succeeds. Executions that run go on with their definition. */
static void decide_delete(struct engine *e, struct request *r)
{
    struct machine_request *m = (struct machine_request *)r;
    struct machine_entry *entry = names_get(&e->machines, m->arn);
    if (entry) {
        m->id = entry->id;
        names_remove(&e->machines, m->arn);
        machine_entry_free(entry);
    }
    request_reply(e, r, json_object(), entry ? delete_machine : NULL);
}

void api_delete_machine(struct local_sfn *s, struct local_call *call)
{
    const char *arn = NULL;
    struct machine_request *m;
    if (!check_machine_arn(call, "stateMachineArn", &arn))
        return;
    m = (struct machine_request *)request_new(call, sizeof *m, decide_delete,
                                              machine_request_release);
    if (!m)
        return;
    m->arn = strdup(arn);
    if (m->arn) {
        request_post(s, &m->request);
        return;
    }
    local_fault(call, 500, "InternalServerError", "out of memory");
    request_cancel(&m->request);
}
