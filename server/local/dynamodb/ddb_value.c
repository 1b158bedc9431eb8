/* Reading values: one walk checks, measures and normalises.
 *
 * What is in normal form already is not copied: an item of a well-behaved client comes back as the
 * same tree, and only containers on the way to a changed part are made anew. Sizes are counted as
 * AWS documents them (names and contents in UTF-8 bytes).
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
#include "server/local/dynamodb/ddb_value.h"

#include "lib/crypto/crypto.h"
#include "server/local/dynamodb/ddb_number.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_names[DDB_NO_TYPE] = {"S", "N", "B",  "BOOL", "NULL",
                                                    "M", "L", "SS", "NS",   "BS"};

const char *ddb_type_name(enum ddb_type type)
{
    return type < DDB_NO_TYPE ? type_names[type] : "none";
}

enum ddb_type ddb_type_named(const char *name)
{
    for (size_t i = 0; i < DDB_NO_TYPE; i++)
        if (strcmp(type_names[i], name) == 0)
            return (enum ddb_type)i;
    return DDB_NO_TYPE;
}

enum ddb_type ddb_type_of(json_t *value)
{
    void *member = json_object_iter(value);
    return member ? ddb_type_named(json_object_iter_key(member)) : DDB_NO_TYPE;
}

json_t *ddb_content(json_t *value)
{
    void *member = json_object_iter(value);
    return member ? json_object_iter_value(member) : NULL;
}

/* Content is taken over in any case. */
json_t *ddb_value_new(enum ddb_type type, json_t *content)
{
    json_t *value = content ? json_object() : NULL;
    if (!value || json_object_set_new_nocheck(value, type_names[type], content) != 0) {
        if (!value)
            json_decref(content);
        json_decref(value);
        return NULL;
    }
    return value;
}

/* One pass over a value: what it has found so far, and how deep it is. */
struct pass {
    size_t size;
    int depth;
    struct ddb_fault *fault;
};

static json_t *normal_value(struct pass *p, json_t *value);

/* NULL, for `return fail(ddb_invalid(...))`. */
static json_t *fail(int already_set)
{
    (void)already_set;
    return NULL;
}

/* `wanted` completes "... must be". */
static json_t *wrong_form(struct pass *p, enum ddb_type type, const char *wanted)
{
    return fail(ddb_fault_set(p->fault, "SerializationException",
                              "The value of an attribute of type %s must be %s", type_names[type],
                              wanted));
}

/* The text itself if it reads like its plain form, else a new one. */
static json_t *plain_text(struct pass *p, json_t *text, const char *plain, size_t len)
{
    if (len == json_string_length(text) && memcmp(plain, json_string_value(text), len) == 0)
        return json_incref(text);
    json_t *normal = json_stringn_nocheck(plain, len);
    return normal ? normal : fail(ddb_no_memory(p->fault));
}

/* aws counts about one byte for two significant digits, and one more. */
static json_t *normal_number_text(struct pass *p, json_t *text)
{
    char plain[DDB_NUMBER_TEXT_MAX];
    struct ddb_number n;
    if (ddb_number_read(json_string_value(text), json_string_length(text), &n, p->fault) != 0)
        return NULL;
    size_t len = ddb_number_write(&n, plain);
    p->size += (n.count + 1) / 2 + 1 + n.negative;
    return plain_text(p, text, plain, len);
}

/* Decoded and encoded again: base64 has more than one spelling for the same bytes. */
static json_t *normal_binary_text(struct pass *p, json_t *text)
{
    size_t len = json_string_length(text);
    size_t bytes = 0;
    unsigned char *data = malloc(len / 4 * 3 + 1);
    char *plain = malloc(crypto_base64_size(len));
    json_t *normal = NULL;
    struct error err;
    if (!data || !plain) {
        ddb_no_memory(p->fault);
    } else if (crypto_base64_decode(json_string_value(text), len, data, &bytes, &err) != 0) {
        wrong_form(p, DDB_B, "a base64 string");
    } else {
        crypto_base64(data, bytes, plain);
        normal = plain_text(p, text, plain, strlen(plain));
    }
    p->size += bytes;
    free(plain);
    free(data);
    return normal;
}

/* The text of a scalar or of a set's element; `type` is S, N or B. */
static json_t *normal_text(struct pass *p, enum ddb_type type, json_t *text)
{
    if (!json_is_string(text))
        return wrong_form(p, type, "a string");
    if (type == DDB_N)
        return normal_number_text(p, text);
    if (type == DDB_B)
        return normal_binary_text(p, text);
    p->size += json_string_length(text);
    return json_incref(text);
}

/* The value itself when its content is in normal form already, else a new one around it. */
static json_t *rewrap(struct pass *p, enum ddb_type type, json_t *value, json_t *content)
{
    if (!content)
        return NULL;
    if (content == ddb_content(value)) {
        json_decref(content);
        return json_incref(value);
    }
    json_t *normal = ddb_value_new(type, content);
    return normal ? normal : fail(ddb_no_memory(p->fault));
}

/* BOOL and NULL. */
static json_t *normal_constant(struct pass *p, enum ddb_type type, json_t *value)
{
    json_t *content = ddb_content(value);
    if (!json_is_boolean(content))
        return wrong_form(p, type, "true or false");
    if (type == DDB_NULL && !json_is_true(content))
        return fail(ddb_invalid(p->fault, "One or more parameter values were invalid: Null "
                                          "attribute value types must have the value of true"));
    p->size += 1;
    return json_incref(value);
}

/* What a set of this type consists of. */
static enum ddb_type element_type(enum ddb_type set)
{
    return set == DDB_SS ? DDB_S : set == DDB_NS ? DDB_N : DDB_B;
}

/* Looks the text up among those seen so far; -> false when memory is out. */
static bool add_element(json_t *elements, json_t *seen, json_t *text, bool *duplicate)
{
    const char *key = json_string_value(text);
    size_t len = json_string_length(text);
    *duplicate = json_object_getn(seen, key, len) != NULL;
    return json_object_setn_new_nocheck(seen, key, len, json_true()) == 0 &&
           json_array_append(elements, text) == 0;
}

/* Duplicates are told by normal form: 1 and 1.0 are the same number. */
static json_t *normal_elements(struct pass *p, enum ddb_type type, json_t *content)
{
    json_t *elements = json_array();
    json_t *seen = json_object();
    bool duplicate = false;
    bool sound = elements && seen;
    if (!sound)
        ddb_no_memory(p->fault);
    for (size_t i = 0; sound && i < json_array_size(content); i++) {
        json_t *text = normal_text(p, element_type(type), json_array_get(content, i));
        sound = text != NULL;
        if (sound && !add_element(elements, seen, text, &duplicate))
            sound = ddb_no_memory(p->fault) == 0;
        if (sound && duplicate)
            sound = ddb_invalid(p->fault,
                                "One or more parameter values were invalid: Input collection "
                                "contains duplicates of %.200s",
                                json_string_value(text)) == 0;
        json_decref(text);
    }
    json_decref(seen);
    if (sound)
        return elements;
    json_decref(elements);
    return NULL;
}

/* An unchanged list is kept, so that the whole value can be kept. */
static json_t *normal_set(struct pass *p, enum ddb_type type, json_t *value)
{
    json_t *content = ddb_content(value);
    if (!json_is_array(content))
        return wrong_form(p, type, "a list of strings");
    if (json_array_size(content) == 0)
        return fail(ddb_invalid(p->fault,
                                "One or more parameter values were invalid: An %s set "
                                " may not be empty",
                                type == DDB_SS   ? "string"
                                : type == DDB_NS ? "number"
                                                 : "binary"));
    json_t *elements = normal_elements(p, type, content);
    if (elements && json_equal(elements, content)) {
        json_decref(elements);
        elements = json_incref(content);
    }
    return rewrap(p, type, value, elements);
}

/* Puts a child's normal form into a copy of its container, which is made at the first change. */
static int replace(json_t **copy, json_t *original, const char *name, size_t index, json_t *child)
{
    if (!*copy)
        *copy = json_copy(original);
    if (!*copy) {
        json_decref(child);
        return -1;
    }
    return name ? json_object_set_new_nocheck(*copy, name, child)
                : json_array_set_new(*copy, index, child);
}

/* Ends a walk over a container: its copy, or itself if nothing had to change. */
static json_t *walked(struct pass *p, int rc, json_t *copy, json_t *original)
{
    if (rc == 0)
        return copy ? copy : json_incref(original);
    json_decref(copy);
    return p->fault->status ? NULL : fail(ddb_no_memory(p->fault));
}

/* An item's attributes or a map's members; names count towards the size. */
static json_t *normal_members(struct pass *p, json_t *members)
{
    json_t *copy = NULL;
    int rc = 0;
    for (void *at = json_object_iter(members); at && rc == 0;
         at = json_object_iter_next(members, at)) {
        const char *name = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        json_t *normal = normal_value(p, value);
        p->size += strlen(name);
        rc = normal ? 0 : -1;
        if (normal == value)
            json_decref(normal);
        else if (normal)
            rc = replace(&copy, members, name, 0, normal);
    }
    return walked(p, rc, copy, members);
}

/* The same for a list. */
static json_t *normal_list(struct pass *p, json_t *list)
{
    json_t *copy = NULL;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        json_t *value = json_array_get(list, i);
        json_t *normal = normal_value(p, value);
        rc = normal ? 0 : -1;
        if (normal == value)
            json_decref(normal);
        else if (normal)
            rc = replace(&copy, list, NULL, i, normal);
    }
    return walked(p, rc, copy, list);
}

/* aws: 3 bytes for a container and 1 for each element; the depth counts containers. */
static json_t *normal_container(struct pass *p, enum ddb_type type, json_t *value)
{
    json_t *content = ddb_content(value);
    if (type == DDB_M ? !json_is_object(content) : !json_is_array(content))
        return wrong_form(p, type, type == DDB_M ? "an object" : "a list");
    if (p->depth >= DDB_NESTING_MAX)
        return fail(ddb_invalid(p->fault,
                                "Nesting Levels have exceeded supported limits: Attributes in the "
                                "item have nested levels beyond supported limit"));
    p->depth++;
    p->size += 3 + (type == DDB_M ? json_object_size(content) : json_array_size(content));
    json_t *normal = type == DDB_M ? normal_members(p, content) : normal_list(p, content);
    p->depth--;
    return rewrap(p, type, value, normal);
}

/* More than one member is told before an unknown one, as AWS does. */
static json_t *normal_value(struct pass *p, json_t *value)
{
    enum ddb_type type = ddb_type_of(value);
    if (!json_is_object(value))
        return fail(ddb_fault_set(p->fault, "SerializationException",
                                  "An attribute value must be an object such as {\"S\": \"x\"}"));
    if (json_object_size(value) > 1)
        return fail(ddb_invalid(p->fault, "Supplied AttributeValue has more than one datatypes "
                                          "set, must contain exactly one of the supported "
                                          "datatypes"));
    switch (type) {
    case DDB_S:
    case DDB_N:
    case DDB_B:
        return rewrap(p, type, value, normal_text(p, type, ddb_content(value)));
    case DDB_BOOL:
    case DDB_NULL:
        return normal_constant(p, type, value);
    case DDB_M:
    case DDB_L:
        return normal_container(p, type, value);
    case DDB_SS:
    case DDB_NS:
    case DDB_BS:
        return normal_set(p, type, value);
    case DDB_NO_TYPE:
        break;
    }
    return fail(ddb_invalid(p->fault, "Supplied AttributeValue is empty, must contain exactly one "
                                      "of the supported datatypes"));
}

json_t *ddb_value_normal(json_t *value, size_t *size, struct ddb_fault *f)
{
    struct pass p = {.fault = f};
    json_t *normal = normal_value(&p, value);
    *size += p.size;
    return normal;
}

json_t *ddb_item_normal(json_t *item, size_t *size, struct ddb_fault *f)
{
    struct pass p = {.fault = f};
    json_t *normal = normal_members(&p, item);
    *size = p.size;
    return normal;
}
