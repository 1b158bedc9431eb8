/* Reading Map states. What only a distributed Map has is in machine_parse_distributed.c. */
#include "server/local/sfn/machine_parse.h"

#include <stdlib.h>
#include <string.h>

/* DISTRIBUTED makes each iteration an execution of its own. */
static void parse_processor_config(const struct place *at, struct machine_map *map)
{
    struct place config;
    json_t *object = parse_object(at, "ProcessorConfig", false);
    if (!object)
        return;
    place_enter(at, "ProcessorConfig", object, &config);
    const char *mode = parse_text(&config, "Mode", false);
    if (mode && strcmp(mode, "INLINE") != 0 && strcmp(mode, "DISTRIBUTED") != 0)
        place_problem(&config, "Mode",
                      "The field 'Mode' should have one of these values: [INLINE, DISTRIBUTED]");
    if (!mode || strcmp(mode, "DISTRIBUTED") != 0)
        return;
    const char *type = parse_text(&config, "ExecutionType", true);
    map->distributed = place_memory(at, calloc(1, sizeof *map->distributed));
    if (map->distributed && type)
        map->distributed->express = strcmp(type, "EXPRESS") == 0;
    if (type && strcmp(type, "EXPRESS") != 0 && strcmp(type, "STANDARD") != 0)
        place_problem(&config, "ExecutionType",
                      "The field 'ExecutionType' should have one of these values: "
                      "[STANDARD, EXPRESS]");
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

/* Inline iterations have nothing to read, batch or write. */
static void refuse_distributed(const struct place *at)
{
    static const char *const fields[] = {"ItemReader", "ItemBatcher", "ResultWriter"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (json_object_get(at->object, fields[i]))
            place_problem(at, fields[i],
                          "The field '%s' needs a Map whose ProcessorConfig has the Mode "
                          "DISTRIBUTED",
                          fields[i]);
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
    if (map->distributed)
        parse_distributed(at, map);
    else
        refuse_distributed(at);
}
