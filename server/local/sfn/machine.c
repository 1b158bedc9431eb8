/* Compiling as a whole, and releasing what was compiled. The parts are in machine_parse*.c. */
#include "server/local/sfn/machine.h"

#include "lib/json/json_read.h"
#include "server/local/sfn/machine_parse.h"

#include <stdlib.h>

static void path_close(struct machine_path *p)
{
    p->path = asl_path_free(p->path);
}

static void number_close(struct machine_number *n)
{
    n->path = asl_path_free(n->path);
}

static void choice_close(struct machine_choice *c)
{
    for (size_t i = 0; i < c->count; i++) {
        asl_choice_free(c->rules[i].test);
        asl_template_free(c->rules[i].assign);
    }
    free(c->rules);
}

static void fail_close(struct machine_fail *f)
{
    asl_expr_free(f->error_path);
    asl_expr_free(f->cause_path);
}

static void task_close(struct machine_task *t)
{
    number_close(&t->timeout);
    number_close(&t->heartbeat);
    free(t->resource);
    free(t->resource_type);
}

static void distributed_free(struct machine_distributed *d)
{
    if (!d)
        return;
    asl_template_free(d->reader.parameters);
    number_close(&d->reader.max_items);
    number_close(&d->batcher.max_items);
    number_close(&d->batcher.max_bytes);
    asl_template_free(d->batcher.input);
    asl_template_free(d->writer);
    free(d);
}

static void map_close(struct machine_map *m)
{
    distributed_free(m->distributed);
    path_close(&m->items_path);
    asl_template_free(m->item_selector);
    number_close(&m->concurrency);
    number_close(&m->tolerated_count);
    number_close(&m->tolerated_percentage);
}

/* Only what was parsed for the type: the union's other members were never set. */
static void state_close_by_type(struct machine_state *s)
{
    switch (s->type) {
    case STATE_TASK:
        task_close(&s->u.task);
        break;
    case STATE_CHOICE:
        choice_close(&s->u.choice);
        break;
    case STATE_WAIT:
        asl_path_free(s->u.wait.path);
        break;
    case STATE_FAIL:
        fail_close(&s->u.fail);
        break;
    case STATE_PARALLEL:
        free(s->u.parallel.branches);
        break;
    case STATE_MAP:
        map_close(&s->u.map);
        break;
    case STATE_PASS:
    case STATE_SUCCEED:
        break;
    }
}

static void state_free(struct machine_state *s)
{
    path_close(&s->input_path);
    path_close(&s->output_path);
    path_close(&s->result_path);
    asl_template_free(s->parameters);
    asl_template_free(s->result_selector);
    asl_template_free(s->assign);
    for (size_t i = 0; i < s->catcher_count; i++) {
        path_close(&s->catchers[i].result_path);
        asl_template_free(s->catchers[i].assign);
    }
    free(s->catchers);
    free(s->retriers);
    state_close_by_type(s);
    free(s);
}

struct machine *machine_hold(struct machine *m)
{
    __atomic_add_fetch(&m->references, 1, __ATOMIC_RELAXED);
    return m;
}

struct machine *machine_release(struct machine *m)
{
    if (!m || __atomic_sub_fetch(&m->references, 1, __ATOMIC_ACQ_REL) > 0)
        return NULL;
    for (size_t i = 0; i < m->count; i++)
        state_free(m->states[i]);
    free(m->states);
    json_decref(m->definition);
    free(m);
    return NULL;
}

const struct machine_state *machine_state_at(const struct machine *m, int64_t index)
{
    return index >= 0 && (uint64_t)index < m->count ? m->states[index] : NULL;
}

/* Parses the text; a definition that is no JSON object is a problem, not an error. */
static json_t *parse_definition(const char *text, size_t len, struct machine_problems *problems)
{
    struct error err = {0};
    json_t *definition = NULL;
    if (json_parse(text, len, &definition, &err)) {
        machine_problem_add(problems, PROBLEM_JSON, "", "%s", err.message);
        return NULL;
    }
    if (json_is_object(definition))
        return definition;
    machine_problem_add(problems, PROBLEM_SCHEMA, "/", "Definition must be a valid JSON object");
    json_decref(definition);
    return NULL;
}

/* The machine itself is a chain with a few members more. */
static void parse_root(struct parser *parser)
{
    struct machine *m = parser->machine;
    struct place root = {.parser = parser, .object = m->definition};
    parse_query_language(&root);
    m->timeout_seconds = parse_int(&root, "TimeoutSeconds", 1, 99999999, 0);
    (void)parse_text(&root, "Comment", false);
    (void)parse_text(&root, "Version", false);
    parse_branch(&root, &m->root);
    if (!parser->too_many)
        return;
    machine_problems_free(parser->problems); /* of states that are missing for this alone */
    place_problem(&root, NULL, "A definition can have at most %d states", MACHINE_STATES_MAX);
}

struct machine *machine_compile(const char *text, size_t len, const struct machine_options *options,
                                struct machine_problems *problems, struct error *err)
{
    json_t *definition = parse_definition(text, len, problems);
    if (!definition)
        return NULL;
    struct machine *m = calloc(1, sizeof *m);
    if (!m) {
        json_decref(definition);
        err_set(err, ERR_MEMORY, "out of memory for a state machine");
        return NULL;
    }
    m->references = 1;
    m->definition = definition;
    struct parser parser = {.machine = m, .options = options, .problems = problems};
    parse_root(&parser);
    if (parser.no_memory) {
        machine_problems_free(problems);
        err_set(err, ERR_MEMORY, "out of memory for a state machine");
        return machine_release(m);
    }
    return problems->count + problems->dropped ? machine_release(m) : m;
}
