/* CreateTable's parameters and DescribeTable's answer. What is not offered (secondary indexes,
 * encryption, classes) is refused by ddb_input_read, which knows only the fields below. */
#include "server/local/dynamodb/ddb_definition.h"

#include "lib/base/clock.h"
#include "lib/crypto/crypto.h"
#include "server/local/dynamodb/ddb_input.h"
#include "server/local/dynamodb/ddb_stream.h"

#include <string.h>

/* Parameters of CreateTable, borrowed from the call's input. */
struct definition {
    const char *name;
    json_t *attributes;
    json_t *keys;
    const char *billing;
    json_t *throughput;
    json_t *stream;
};

#define ROW(name, type, required, member)                                                          \
    {                                                                                              \
        name, type, required, offsetof(struct definition, member), 0, 0                            \
    }
static const struct field fields[] = {
    ROW("TableName", FIELD_STRING, true, name),
    ROW("AttributeDefinitions", FIELD_ARRAY, true, attributes),
    ROW("KeySchema", FIELD_ARRAY, true, keys),
    ROW("BillingMode", FIELD_STRING, false, billing),
    ROW("ProvisionedThroughput", FIELD_OBJECT, false, throughput),
    ROW("StreamSpecification", FIELD_OBJECT, false, stream),
};
#undef ROW

int ddb_table_name_check(const char *name, struct ddb_fault *f)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.-";
    size_t len = strlen(name);
    if (len >= 3 && len <= 255 && strspn(name, allowed) == len)
        return 0;
    return ddb_invalid(f, "Invalid table/index name.  Table/index names must be between 3 and 255 "
                          "characters long, and may contain only the characters a-z, A-Z, 0-9, "
                          "'_', '-', and '.'");
}

/* A member of one row of AttributeDefinitions or KeySchema, "" if it is not there. */
static const char *row_text(json_t *list, size_t index, const char *member)
{
    return json_str(json_array_get(list, index), member, "");
}

/* The index of an attribute's definition, or the list's length. */
static size_t find_attribute(json_t *attributes, const char *name)
{
    size_t i = 0;
    while (i < json_array_size(attributes) &&
           strcmp(row_text(attributes, i, "AttributeName"), name) != 0)
        i++;
    return i;
}

/* One HASH, then at most one RANGE, of different names. */
static int check_keys(const struct definition *d, struct ddb_fault *f)
{
    size_t count = json_array_size(d->keys);
    const char *hash = row_text(d->keys, 0, "AttributeName");
    const char *range = row_text(d->keys, 1, "AttributeName");
    if (count < 1 || count > 2)
        return ddb_invalid(f, "1 validation error detected: Value at 'keySchema' failed to satisfy "
                              "constraint: Member must have 1 or 2 elements");
    if (strcmp(row_text(d->keys, 0, "KeyType"), "HASH") != 0)
        return ddb_invalid(f, "Invalid KeySchema: The first KeySchemaElement is not a HASH key "
                              "type");
    if (count == 2 && strcmp(row_text(d->keys, 1, "KeyType"), "RANGE") != 0)
        return ddb_invalid(f, "Invalid KeySchema: The second KeySchemaElement is not a RANGE key "
                              "type");
    if (*hash == '\0' || (count == 2 && *range == '\0'))
        return ddb_invalid(f, "Invalid KeySchema: AttributeName must not be empty");
    if (strcmp(hash, range) == 0)
        return ddb_invalid(f, "Both the Hash Key and the Range Key element in the KeySchema have "
                              "the same name");
    return 0;
}

/* Without secondary indexes exactly the keys are to be defined (AWS refuses more as well). */
static int check_attributes(const struct definition *d, struct ddb_fault *f)
{
    size_t count = json_array_size(d->attributes);
    for (size_t i = 0; i < json_array_size(d->keys); i++)
        if (find_attribute(d->attributes, row_text(d->keys, i, "AttributeName")) == count)
            return ddb_invalid(f,
                               "One or more parameter values were invalid: Some index key "
                               "attributes are not defined in AttributeDefinitions. Keys: [%.200s]",
                               row_text(d->keys, i, "AttributeName"));
    if (count != json_array_size(d->keys))
        return ddb_invalid(f, "One or more parameter values were invalid: Number of attributes in "
                              "KeySchema does not exactly match number of attributes defined in "
                              "AttributeDefinitions");
    for (size_t i = 0; i < count; i++)
        if (ddb_type_named(row_text(d->attributes, i, "AttributeType")) > DDB_B)
            return ddb_invalid(f,
                               "1 validation error detected: Value '%.40s' at "
                               "'attributeDefinitions.%zu.member.attributeType' failed to satisfy "
                               "constraint: Member must satisfy enum value set: [B, N, S]",
                               row_text(d->attributes, i, "AttributeType"), i + 1);
    return 0;
}

/* PROVISIONED is the default and needs its throughput, which is kept and shown but not
 * enforced. */
static int check_billing(const struct definition *d, struct ddb_fault *f)
{
    if (ddb_input_word(d->billing, "billingMode", "PROVISIONED|PAY_PER_REQUEST", f) != 0)
        return -1;
    bool on_demand = d->billing && strcmp(d->billing, "PAY_PER_REQUEST") == 0;
    if (on_demand && d->throughput)
        return ddb_invalid(f, "One or more parameter values were invalid: Neither "
                              "ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                              "BillingMode is PAY_PER_REQUEST");
    if (!on_demand && (json_int(d->throughput, "ReadCapacityUnits", 0) < 1 ||
                       json_int(d->throughput, "WriteCapacityUnits", 0) < 1))
        return ddb_invalid(f, "One or more parameter values were invalid: ReadCapacityUnits and "
                              "WriteCapacityUnits must both be specified when BillingMode is "
                              "PROVISIONED");
    return 0;
}

int ddb_definition_check_stream(json_t *stream, struct ddb_fault *f)
{
    const char *view = json_str(stream, "StreamViewType", NULL);
    bool enabled = json_bool(stream, "StreamEnabled", false);
    if (ddb_input_word(view, "streamSpecification.streamViewType",
                       "NEW_IMAGE|OLD_IMAGE|NEW_AND_OLD_IMAGES|KEYS_ONLY", f) != 0)
        return -1;
    if (stream && enabled != (view != NULL))
        return ddb_invalid(f, "One or more parameter values were invalid: StreamViewType must be "
                              "specified when StreamEnabled is true, and only then");
    return 0;
}

/* The definition is a copy: the call's input may end on another thread. */
json_t *ddb_definition_read(json_t *input, const char **name, struct ddb_fault *f)
{
    struct definition d = {0};
    char id[UUID_TEXT];
    struct error err;
    if (ddb_input_read(fields, sizeof fields / sizeof *fields, input, &d, f) != 0 ||
        ddb_table_name_check(d.name, f) != 0 || check_keys(&d, f) != 0 ||
        check_attributes(&d, f) != 0 || check_billing(&d, f) != 0 ||
        ddb_definition_check_stream(d.stream, f) != 0)
        return NULL;
    if (crypto_uuid(id, &err) != 0) {
        ddb_internal(f, &err);
        return NULL;
    }
    *name = d.name;
    bool streams = json_bool(d.stream, "StreamEnabled", false);
    json_t *definition =
        json_pack("{s:o, s:o, s:s*, s:o*, s:o*, s:s}", "AttributeDefinitions",
                  json_deep_copy(d.attributes), "KeySchema", json_deep_copy(d.keys), "BillingMode",
                  d.billing, "ProvisionedThroughput", json_deep_copy(d.throughput),
                  "StreamSpecification", streams ? json_deep_copy(d.stream) : NULL, "TableId", id);
    if (!definition)
        ddb_no_memory(f);
    return definition;
}

/* The throughput as DescribeTable shows it; zeros for a table that is billed by request. */
static json_t *throughput_of(json_t *definition)
{
    json_t *given = json_object_get(definition, "ProvisionedThroughput");
    return json_pack("{s:i, s:I, s:I}", "NumberOfDecreasesToday", 0, "ReadCapacityUnits",
                     (json_int_t)json_int(given, "ReadCapacityUnits", 0), "WriteCapacityUnits",
                     (json_int_t)json_int(given, "WriteCapacityUnits", 0));
}

/* Shown only for tables billed by request, as AWS does; NULL otherwise. */
static json_t *billing_of(json_t *definition)
{
    const char *mode = json_str(definition, "BillingMode", "PROVISIONED");
    return strcmp(mode, "PROVISIONED") == 0 ? NULL : json_pack("{s:s}", "BillingMode", mode);
}

/* Nothing of the catalogue's own tree goes out: answers end on other threads. */
static json_t *copy_of(json_t *definition, const char *member)
{
    return json_deep_copy(json_object_get(definition, member));
}

/* Stays when the stream was disabled. */
static json_t *stream_arn(const struct ddb_table *t, const char *region)
{
    char arn[DDB_ARN_ROOM];
    const char *label = json_str(t->definition, "LatestStreamLabel", NULL);
    return label ? json_string(ddb_stream_arn(region, t->name, label, arn)) : NULL;
}

json_t *ddb_definition_describe(const struct ddb_table *t, const char *region, const char *status,
                                int64_t items, int64_t bytes)
{
    json_t *d = t->definition;
    return json_pack(
        "{s:s, s:o, s:o, s:s, s:f, s:o, s:o*, s:I, s:I, s:o, s:o, s:o*, s:o*, s:o*, s:b}",
        "TableName", t->name, "AttributeDefinitions", copy_of(d, "AttributeDefinitions"),
        "KeySchema", copy_of(d, "KeySchema"), "TableStatus", status, "CreationDateTime",
        (double)t->created / (double)CLOCK_SECOND, "ProvisionedThroughput", throughput_of(d),
        "BillingModeSummary", billing_of(d), "ItemCount", (json_int_t)items, "TableSizeBytes",
        (json_int_t)bytes, "TableArn",
        json_sprintf("arn:aws:dynamodb:%s:" LOCAL_ACCOUNT ":table/%s", region, t->name), "TableId",
        copy_of(d, "TableId"), "StreamSpecification", copy_of(d, "StreamSpecification"),
        "LatestStreamLabel", copy_of(d, "LatestStreamLabel"), "LatestStreamArn",
        stream_arn(t, region), "DeletionProtectionEnabled", 0);
}
