/* Reading Parallel and the item processor of Map: states that hold chains of their own. Depth is
 * bounded, because everything that walks a machine recurses over it. */
#include "server/local/sfn/machine_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chain below; refuses nesting that would exhaust the stack. */
void parse_nested(const struct place *at, struct machine_branch *branch)
{
    struct parser *parser = at->parser;
    if (!json_is_object(at->object)) {
        place_problem(at, NULL, "Expected value of type Object");
        return;
    }
    if (parser->depth >= MACHINE_DEPTH_MAX) {
        place_problem(at, NULL, "States are nested deeper than %d", MACHINE_DEPTH_MAX);
        return;
    }
    parser->depth++;
    parse_branch(at, branch);
    parser->depth--;
}

void parse_parallel(const struct place *at, struct machine_state *state)
{
    struct machine_parallel *parallel = &state->u.parallel;
    size_t i;
    json_t *source;
    json_t *branches = parse_array(at, "Branches", true);
    if (!branches)
        return;
    if (json_array_size(branches) == 0) {
        place_problem(at, "Branches", "Expected a non-empty array of branches");
        return;
    }
    parallel->branches =
        place_memory(at, calloc(json_array_size(branches), sizeof *parallel->branches));
    if (!parallel->branches)
        return;
    parallel->count = json_array_size(branches);
    json_array_foreach (branches, i, source) {
        char name[32];
        struct place one;
        (void)snprintf(name, sizeof name, "Branches[%zu]", i);
        place_enter(at, name, source, &one);
        parse_nested(&one, &parallel->branches[i]);
    }
}
