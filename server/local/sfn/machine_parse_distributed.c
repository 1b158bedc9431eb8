/* Reading what only a distributed Map has: Label, ItemReader, ItemBatcher, ResultWriter. */
#include "lib/crypto/crypto.h"
#include "server/local/sfn/machine_parse.h"

#include <stdio.h>
#include <string.h>

/* Labels name map runs: at most 40 of the characters that execution names may have. */
void parse_label(const struct place *at)
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

/* Without a label the state's place in the definition names it: the same in every run and after a
 * restart, and of the same form as AWS's (a UUID). */
static void generate_label(const struct place *at, struct machine_distributed *d)
{
    char hex[SHA256_HEX];
    if (crypto_sha256_hex(at->at, strlen(at->at), hex, NULL)) {
        at->parser->no_memory = true;
        return;
    }
    (void)snprintf(d->generated, sizeof d->generated, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
                   hex + 12, hex + 16, hex + 20);
    d->label = d->generated;
}

/* The delimiters of ReaderConfig by their names. */
static char parse_delimiter(const struct place *at)
{
    static const struct {
        const char *name;
        char delimiter;
    } known[] = {{"COMMA", ','}, {"PIPE", '|'}, {"SEMICOLON", ';'}, {"SPACE", ' '}, {"TAB", '\t'}};
    const char *name = parse_text(at, "CSVDelimiter", false);
    for (size_t i = 0; name && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].delimiter;
    if (name)
        place_problem(at, "CSVDelimiter",
                      "The field 'CSVDelimiter' should have one of these values: [COMMA, PIPE, "
                      "SEMICOLON, SPACE, TAB]");
    return ',';
}

static void parse_csv(const struct place *at, struct machine_reader *reader)
{
    const char *where = parse_text(at, "CSVHeaderLocation", true);
    reader->delimiter = parse_delimiter(at);
    if (where && strcmp(where, "GIVEN") == 0)
        reader->headers = parse_array(at, "CSVHeaders", true);
    else if (where && strcmp(where, "FIRST_ROW") != 0)
        place_problem(at, "CSVHeaderLocation",
                      "The field 'CSVHeaderLocation' should have one of these values: "
                      "[FIRST_ROW, GIVEN]");
}

static void parse_input_type(const struct place *at, struct machine_reader *reader)
{
    const char *type = parse_text(at, "InputType", true);
    if (!type)
        return;
    if (strcmp(type, "JSON") == 0)
        reader->input = READ_JSON;
    else if (strcmp(type, "JSONL") == 0)
        reader->input = READ_JSONL;
    else if (strcmp(type, "CSV") == 0)
        reader->input = READ_CSV;
    else
        place_problem(at, "InputType",
                      "This endpoint reads items of the types [CSV, JSON, JSONL] only");
    if (reader->input == READ_CSV)
        parse_csv(at, reader);
}

/* Optional for listings, which have no type. */
static void parse_reader_config(const struct place *at, struct machine_reader *reader)
{
    struct place config;
    json_t *object = parse_object(at, "ReaderConfig", reader->input != READ_KEYS);
    if (!object)
        return;
    place_enter(at, "ReaderConfig", object, &config);
    if (reader->input != READ_KEYS)
        parse_input_type(&config, reader);
    reader->pointer = parse_text(&config, "ItemsPointer", false);
    if (reader->pointer && reader->pointer[0] != '\0' && reader->pointer[0] != '/')
        place_problem(&config, "ItemsPointer", "A JSON pointer begins with '/'");
    reader->max_items = parse_number(&config, "MaxItems", 0, 1e8, true);
}

static void parse_reader(const struct place *at, struct machine_reader *reader)
{
    struct place place;
    json_t *object = parse_object(at, "ItemReader", false);
    if (!object)
        return;
    place_enter(at, "ItemReader", object, &place);
    reader->given = true;
    const char *resource = parse_text(&place, "Resource", true);
    if (resource && strcmp(resource, "arn:aws:states:::s3:listObjectsV2") == 0)
        reader->input = READ_KEYS;
    else if (resource && strcmp(resource, "arn:aws:states:::s3:getObject") != 0)
        place_problem(&place, "Resource",
                      "The resource provided %s is not recognized; items can be read by "
                      "arn:aws:states:::s3:getObject and arn:aws:states:::s3:listObjectsV2",
                      resource);
    reader->parameters = parse_template(&place, "Parameters");
    if (!json_object_get(object, "Parameters"))
        place_problem(&place, NULL, "These fields are required: [Parameters]");
    parse_reader_config(&place, reader);
}

static void parse_batcher(const struct place *at, struct machine_batcher *batcher)
{
    struct place place;
    json_t *object = parse_object(at, "ItemBatcher", false);
    if (!object)
        return;
    place_enter(at, "ItemBatcher", object, &place);
    batcher->given = true;
    batcher->max_items = parse_number(&place, "MaxItemsPerBatch", 1, 1e8, true);
    batcher->max_bytes = parse_number(&place, "MaxInputBytesPerBatch", 1, 262144, true);
    batcher->input = parse_template(&place, "BatchInput");
    if (!batcher->max_items.given && !batcher->max_bytes.given)
        place_problem(&place, NULL,
                      "An ItemBatcher must have at least one of these fields: "
                      "[MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch, "
                      "MaxInputBytesPerBatchPath]");
}

static void parse_writer(const struct place *at, struct machine_distributed *d)
{
    struct place place;
    json_t *object = parse_object(at, "ResultWriter", false);
    if (!object)
        return;
    place_enter(at, "ResultWriter", object, &place);
    const char *resource = parse_text(&place, "Resource", true);
    if (resource && strcmp(resource, "arn:aws:states:::s3:putObject") != 0)
        place_problem(&place, "Resource",
                      "The resource provided %s is not recognized; results can be written by "
                      "arn:aws:states:::s3:putObject",
                      resource);
    if (json_object_get(object, "WriterConfig"))
        place_problem(&place, "WriterConfig",
                      "The field 'WriterConfig' is not offered by this endpoint; results are "
                      "written as JSON without transformation");
    d->writer = parse_template(&place, "Parameters");
    if (!json_object_get(object, "Parameters"))
        place_problem(&place, NULL, "These fields are required: [Parameters]");
}

void parse_distributed(const struct place *at, struct machine_map *map)
{
    struct machine_distributed *d = map->distributed;
    d->label = json_string_value(json_object_get(at->object, "Label"));
    if (!d->label)
        generate_label(at, d);
    parse_reader(at, &d->reader);
    parse_batcher(at, &d->batcher);
    parse_writer(at, d);
}
