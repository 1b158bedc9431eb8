/* Parameters: what is known, what is required, and what is refused with which words. */
#include "server/local/dynamodb/ddb_input.h"

#include <string.h>

struct refusal {
    const char *member;
    const char *reason;
};

/* Members that exist in AWS and are not offered here, with what to do instead. */
static const struct refusal refusals[] = {
    {"AttributeUpdates", "use UpdateExpression"},
    {"AttributesToGet", "use ProjectionExpression"},
    {"ConditionalOperator", "use ConditionExpression or FilterExpression"},
    {"Expected", "use ConditionExpression"},
    {"GlobalSecondaryIndexes", "tables have no secondary indexes"},
    {"IndexName", "tables have no secondary indexes"},
    {"KeyConditions", "use KeyConditionExpression"},
    {"LocalSecondaryIndexes", "tables have no secondary indexes"},
    {"QueryFilter", "use FilterExpression"},
    {"ScanFilter", "use FilterExpression"},
};

/* Silence would look like success: a member that has no effect is always an error. */
static int refuse(const char *member, struct ddb_fault *f)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strcmp(refusals[i].member, member) == 0)
            return ddb_invalid(f, "The parameter %s is not offered by this local endpoint: %s",
                               member, refusals[i].reason);
    return ddb_invalid(f, "The parameter %.100s is not known to this local endpoint", member);
}

/* Linear: tables have some ten rows. */
static bool is_known(const struct field *fields, size_t count, const char *member)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, member) == 0)
            return true;
    return false;
}

/* JSON null counts as absent, as it does in AWS. */
static int check_members(const struct field *fields, size_t count, json_t *input,
                         struct ddb_fault *f)
{
    for (void *at = json_object_iter(input); at; at = json_object_iter_next(input, at))
        if (!json_is_null(json_object_iter_value(at)) &&
            !is_known(fields, count, json_object_iter_key(at)))
            return refuse(json_object_iter_key(at), f);
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(input, fields[i].name);
        if (fields[i].required && (!value || json_is_null(value)))
            return ddb_invalid(f,
                               "1 validation error detected: Value null at '%s' failed to satisfy "
                               "constraint: Member must not be null",
                               fields[i].name);
    }
    return 0;
}

/* What json_typeof gives for a right value; booleans are treated apart. */
static json_type json_type_of(enum field_type type)
{
    switch (type) {
    case FIELD_STRING:
        return JSON_STRING;
    case FIELD_INT:
        return JSON_INTEGER;
    case FIELD_ARRAY:
        return JSON_ARRAY;
    case FIELD_BOOL:
        return JSON_TRUE;
    default:
        return JSON_OBJECT;
    }
}

/* A wrong JSON type is a SerializationException, a wrong value a ValidationException. */
static bool has_wrong_type(const struct field *fields, size_t count, json_t *input)
{
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(input, fields[i].name);
        if (!value || json_is_null(value) || fields[i].type == FIELD_JSON)
            continue;
        if (json_is_false(value) ? fields[i].type != FIELD_BOOL
                                 : json_typeof(value) != json_type_of(fields[i].type))
            return true;
    }
    return false;
}

/* Absent members leave what *out held before: defaults are set by the caller. */
int ddb_input_read(const struct field *fields, size_t count, json_t *input, void *out,
                   struct ddb_fault *f)
{
    struct json_problems problems = {0};
    if (!json_is_object(input))
        return ddb_fault_set(f, "SerializationException", "the input must be an object");
    if (check_members(fields, count, input, f) != 0)
        return -1;
    size_t found = json_read_fields(fields, count, input, "", false, out, &problems);
    if (found > 0 && problems.count == 0)
        ddb_no_memory(f);
    else if (found > 0 && has_wrong_type(fields, count, input))
        ddb_fault_set(f, "SerializationException", "%s %s", problems.list[0].pointer + 1,
                      problems.list[0].detail);
    else if (found > 0)
        ddb_invalid(f,
                    "1 validation error detected: Value at '%s' failed to satisfy constraint: "
                    "Member %s",
                    problems.list[0].pointer + 1, problems.list[0].detail);
    json_problems_free(&problems);
    return found > 0 ? -1 : 0;
}

/* `words` is walked in place; it is a constant such as "NONE|ALL_OLD". */
int ddb_input_word(const char *value, const char *member, const char *words, struct ddb_fault *f)
{
    size_t len = value ? strlen(value) : 0;
    for (const char *word = words; value && *word; word += strspn(word, "|")) {
        size_t word_len = strcspn(word, "|");
        if (word_len == len && memcmp(word, value, len) == 0)
            return 0;
        word += word_len;
    }
    if (!value)
        return 0;
    return ddb_invalid(f,
                       "1 validation error detected: Value '%.100s' at '%s' failed to satisfy "
                       "constraint: Member must satisfy enum value set: [%s]",
                       value, member, words);
}

json_t *ddb_capacity(const char *mode, const char *table, double units)
{
    if (!mode || strcmp(mode, "NONE") == 0)
        return NULL;
    json_t *capacity = json_pack("{s:s, s:f}", "TableName", table, "CapacityUnits", units);
    if (capacity && strcmp(mode, "INDEXES") == 0)
        (void)json_object_set_new(capacity, "Table", json_pack("{s:f}", "CapacityUnits", units));
    return capacity;
}

/* aws: one unit reads up to 4 KB strongly consistently, or twice as much eventually. */
double ddb_read_units(size_t size, bool consistent)
{
    size_t blocks = size / 4096 + (size % 4096 != 0 || size == 0);
    return consistent ? (double)blocks : (double)blocks / 2;
}

/* aws: one unit writes up to 1 KB. */
double ddb_write_units(size_t size)
{
    size_t blocks = size / 1024 + (size % 1024 != 0 || size == 0);
    return (double)blocks;
}
