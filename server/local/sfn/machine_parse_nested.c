/* Reading Parallel and Map: states that hold chains of their own. Depth is bounded, because
 * everything that walks a machine recurses over it. */
#include "server/local/sfn/machine_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chain below; refuses nesting that would exhaust the stack. */
static void parse_nested(const struct place *at, struct machine_branch *branch)
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

/* DISTRIBUTED changes how many iterations may run and that they write no history; there are no
 * child executions here. */
static void parse_processor_config(const struct place *at, struct machine_map *map)
{
    struct place config;
    json_t *object = parse_object(at, "ProcessorConfig", false);
    if (!object)
        return;
    place_enter(at, "ProcessorConfig", object, &config);
    const char *mode = parse_text(&config, "Mode", false);
    if (mode && strcmp(mode, "DISTRIBUTED") == 0)
        map->distributed = true;
    else if (mode && strcmp(mode, "INLINE") != 0)
        place_problem(&config, "Mode",
                      "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]");
    if (map->distributed)
        (void)parse_text(&config, "ExecutionType", true);
}

/* ItemProcessor, or Iterator as it was called before. */
static void parse_processor(const struct place *at, struct machine_map *map)
{
    struct place processor;
    json_t *modern = json_object_get(at->object, "ItemProcessor");
    json_t *legacy = json_object_get(at->object, "Iterator");
    if (!modern == !legacy) {
        place_problem(at, NULL,
                      "A Map state must have exactly one of these fields: "
                      "[ItemProcessor, Iterator]");
        return;
    }
    place_enter(at, modern ? "ItemProcessor" : "Iterator", modern ? modern : legacy, &processor);
    if (json_is_object(processor.object))
        parse_processor_config(&processor, map);
    parse_nested(&processor, &map->processor);
}

/* Labels name map runs: at most 40 of the characters that execution names may have. */
static void parse_label(const struct place *at)
{
    const char *label = parse_text(at, "Label", false);
    if (!label)
        return;
    const char *end = label + json_string_length(json_object_get(at->object, "Label"));
    if (end - label > 40)
        place_problem(at, "Label", "Label cannot exceed 40 characters");
    for (const char *c = label; c < end; c++) {
        unsigned char byte = (unsigned char)*c;
        bool control = byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (unsigned char)c[1] < 0xa0);
        if (control || strchr(" \t\n\v\f\r?*<>{}[]:;,\\|^~$#%&`\"/", *c)) {
            place_problem(at, "Label",
                          "Label cannot contain the characters: white space, "
                          "? * < > { } [ ] : ; , \\ | ^ ~ $ # %% & ` \" / or control "
                          "characters");
            return;
        }
    }
}

/* Members that would need S3: said at creation rather than found out at run time. */
static void refuse(const struct place *at, const char *field)
{
    if (json_object_get(at->object, field))
        place_problem(at, field, "The field '%s' is not offered by this endpoint", field);
}

void parse_map(const struct place *at, struct machine_state *state)
{
    struct machine_map *map = &state->u.map;
    parse_processor(at, map);
    map->items_path = parse_io_path(at, "ItemsPath");
    map->item_selector = parse_template(at, "ItemSelector");
    if (!map->item_selector)
        map->item_selector = parse_template(at, "Parameters");
    else if (json_object_get(at->object, "Parameters"))
        place_problem(at, NULL,
                      "Only one of the following fields is allowed: [ItemSelector, Parameters]");
    map->concurrency = parse_number(at, "MaxConcurrency", 0, 10000, true);
    map->tolerated_count = parse_number(at, "ToleratedFailureCount", 0, 1e8, true);
    map->tolerated_percentage = parse_number(at, "ToleratedFailurePercentage", 0, 100, false);
    parse_label(at);
    refuse(at, "ItemReader");
    refuse(at, "ItemBatcher");
    refuse(at, "ResultWriter");
}
