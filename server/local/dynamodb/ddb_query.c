/* Query and Scan: pages of items.
 *
 * Both compile their parameters into a struct page, walk the rows of one prepared statement into
 * it, and answer with where the next page begins. They differ in the walk: Query one hash key's
 * items between two range keys, Scan all slots or a segment's. A connection for reading is lent
 * only for the walk itself. */
#include "server/local/dynamodb/ddb.h"

#include "server/local/dynamodb/ddb_condition.h"
#include "server/local/dynamodb/ddb_keycond.h"
#include "server/local/dynamodb/ddb_project.h"

#include <string.h>

/* A page ends with the item that reaches 1 MB, as in AWS. */
enum { PAGE_BYTES = 1024 * 1024 };

/* A page as it fills. */
struct page {
    struct ddb_input in;
    struct ddb_table *table;
    struct ddb_scope scope;
    struct ddb_node *key_condition;
    struct ddb_node *filter;
    struct ddb_paths projection;
    bool only_count;
    json_t *items;
    json_t *last_key; /* where the next page starts, or NULL */
    int64_t count;
    int64_t scanned;
    size_t bytes;
};

static void page_close(struct page *p)
{
    json_decref(p->items);
    json_decref(p->last_key);
    ddb_scope_close(&p->scope);
    ddb_table_release(p->table);
}

/* --- compiling ------------------------------------------------------------------------------ */

/* Select, ProjectionExpression and what they say together. */
static int check_select(struct page *p, struct ddb_fault *f)
{
    const char *select = p->in.select;
    const char *projection = p->in.projection;
    if (ddb_input_word(select, "select", "ALL_ATTRIBUTES|SPECIFIC_ATTRIBUTES|COUNT", f) != 0 ||
        ddb_input_word(p->in.capacity, "returnConsumedCapacity", "NONE|TOTAL|INDEXES", f) != 0)
        return -1;
    bool specific = select && strcmp(select, "SPECIFIC_ATTRIBUTES") == 0;
    if (select && !specific && projection)
        return ddb_invalid(f, "Cannot specify the ProjectionExpression when choosing to get %s",
                           strcmp(select, "COUNT") == 0 ? "only the Count" : "ALL_ATTRIBUTES");
    if (specific && !projection)
        return ddb_invalid(f, "Must specify the ProjectionExpression when choosing to get "
                              "SPECIFIC_ATTRIBUTES");
    p->only_count = select && strcmp(select, "COUNT") == 0;
    return 0;
}

/* One scope for all three: a value used by any of them counts as used. */
static int compile_expressions(struct page *p, struct ddb_fault *f)
{
    const struct ddb_input *in = &p->in;
    bool any = in->key_condition || in->filter || in->projection;
    if (ddb_scope_open(&p->scope, in->names, in->values, any, f) != 0)
        return -1;
    if (in->key_condition) {
        p->key_condition =
            ddb_parse_condition(&p->scope, "KeyConditionExpression", in->key_condition, f);
        if (!p->key_condition)
            return -1;
    }
    if (in->filter) {
        p->filter = ddb_parse_condition(&p->scope, "FilterExpression", in->filter, f);
        if (!p->filter)
            return -1;
    }
    if (in->projection && ddb_parse_projection(&p->scope, in->projection, &p->projection, f) != 0)
        return -1;
    return ddb_scope_finish(&p->scope, f);
}

/* After this only the database can fail, and what Query and Scan check of their own. */
static int page_compile(struct page *p, struct local_dynamodb *d, struct ddb_fault *f)
{
    if (check_select(p, f) != 0 || compile_expressions(p, f) != 0)
        return -1;
    p->table = ddb_catalog_need(&d->catalog, p->in.table, f);
    if (!p->table)
        return -1;
    p->items = json_array();
    return p->items ? 0 : ddb_no_memory(f);
}

/* Reads ExclusiveStartKey into *key. */
static int read_start(const struct page *p, struct ddb_key *key, struct ddb_fault *f)
{
    size_t size;
    json_t *normal = ddb_item_normal(p->in.start, &size, f);
    int rc = normal ? ddb_key_of_key(&p->table->schema, normal, key, f) : -1;
    json_decref(normal);
    if (rc != 0 && !ddb_fault_is_internal(f))
        return ddb_invalid(f, "The provided starting key is invalid: The provided key element does "
                              "not match the schema");
    return rc;
}

/* --- walking -------------------------------------------------------------------------------- */

/* A row that has passed the filter; COUNT keeps none. */
static int add_item(struct page *p, json_t *item)
{
    p->count++;
    if (p->only_count)
        return 0;
    if (p->in.projection)
        return json_array_append_new(p->items, ddb_project(&p->projection, item));
    return json_array_append(p->items, item);
}

/* A page is counted before the filter: Limit and megabyte are about what was read. */
static bool is_full(const struct page *p)
{
    return p->bytes >= PAGE_BYTES || (p->in.limit > 0 && p->scanned >= p->in.limit);
}

/* Judges the row the walk stands on. Its item is parsed only if somebody looks at it. */
static int take_row(struct page *p, struct stmt *walk, struct ddb_fault *f)
{
    struct error err;
    json_t *item = NULL;
    p->scanned++;
    p->bytes += ddb_store_row_size(walk);
    bool full = is_full(p);
    if (p->only_count && !p->filter && !full)
        return add_item(p, NULL);
    item = ddb_store_row_item(walk, &err);
    if (!item)
        return ddb_internal(f, &err);
    int met = ddb_condition_test(p->filter, item);
    int rc = met < 0 ? -1 : 0;
    if (met > 0)
        rc = add_item(p, item);
    if (rc == 0 && full) {
        p->last_key = ddb_key_attributes(&p->table->schema, item);
        rc = p->last_key ? 0 : -1;
    }
    json_decref(item);
    return rc == 0 ? 0 : ddb_no_memory(f);
}

/* Stops behind the row that filled the page; its key is where the next page starts. So a page
 * that ended exactly with the last row is followed by an empty one, as in AWS. */
static int fill(struct page *p, struct stmt *walk, struct ddb_fault *f)
{
    struct error err;
    int rc = 1;
    while (rc == 1 && !p->last_key) {
        rc = ddb_store_next(walk, &err);
        if (rc < 0)
            ddb_internal(f, &err);
        else if (rc == 1 && take_row(p, walk, f) != 0)
            rc = -1;
    }
    stmt_reset(walk);
    return rc < 0 ? -1 : 0;
}

/* `Items` is absent for COUNT. Capacity is counted by what was read, not by what passed the
 * filter. */
static int finish(struct page *p, json_t **output, struct ddb_fault *f)
{
    double units = ddb_read_units(p->bytes, p->in.consistent);
    *output = json_pack("{s:O*, s:I, s:I, s:O*, s:o*}", "Items", p->only_count ? NULL : p->items,
                        "Count", (json_int_t)p->count, "ScannedCount", (json_int_t)p->scanned,
                        "LastEvaluatedKey", p->last_key, "ConsumedCapacity",
                        ddb_capacity(p->in.capacity, p->in.table, units));
    return *output ? 0 : ddb_no_memory(f);
}

/* --- Query ---------------------------------------------------------------------------------- */

/* What Query and Scan have in common. */
#define PAGE_FIELDS                                                                                \
    DDB_EXPRESSION_FIELDS, DDB_OPTIONAL("FilterExpression", FIELD_STRING, filter),                 \
        DDB_OPTIONAL("ProjectionExpression", FIELD_STRING, projection),                            \
        DDB_OPTIONAL("ConsistentRead", FIELD_BOOL, consistent),                                    \
        DDB_OPTIONAL("ExclusiveStartKey", FIELD_OBJECT, start),                                    \
        DDB_OPTIONAL("Select", FIELD_STRING, select),                                              \
        DDB_OPTIONAL("ReturnConsumedCapacity", FIELD_STRING, capacity),                            \
    {                                                                                              \
        "Limit", FIELD_INT, false, offsetof(struct ddb_input, limit), 1, INT32_MAX                 \
    }

static const struct field query_fields[] = {
    PAGE_FIELDS,
    DDB_OPTIONAL("KeyConditionExpression", FIELD_STRING, key_condition),
    DDB_OPTIONAL("ScanIndexForward", FIELD_BOOL, forward),
};

/* For ddb_expr_each_path: the filter of a Query must leave the key alone. */
struct key_use {
    const struct ddb_schema *schema;
    struct ddb_fault *fault;
};

/* Key attributes belong into the key condition, where they save reading. */
static int refuse_key(const struct ddb_path *path, void *ctx)
{
    const struct key_use *use = ctx;
    const char *name = path->steps[0].name;
    if (!ddb_schema_has(use->schema, name))
        return 0;
    return ddb_invalid(use->fault,
                       "Filter Expression can only contain non-primary key attributes: Primary key "
                       "attribute: %.200s",
                       name);
}

/* The order of checks is that of the messages AWS gives. */
static int query_bounds(struct page *p, struct ddb_bounds *bounds, struct ddb_fault *f)
{
    const struct ddb_schema *schema = &p->table->schema;
    struct key_use use = {schema, f};
    struct ddb_key start;
    if (!p->key_condition)
        return ddb_invalid(f, "Either the KeyConditions or KeyConditionExpression parameter must "
                              "be specified in the request.");
    if (ddb_keycond_bounds(schema, p->key_condition, bounds, f) != 0)
        return -1;
    if (p->filter && ddb_expr_each_path(p->filter, refuse_key, &use) != 0)
        return -1;
    if (!p->in.start)
        return 0;
    if (read_start(p, &start, f) != 0)
        return -1;
    return ddb_keycond_start(bounds, &start, p->in.forward, f);
}

int ddb_query(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f)
{
    struct page p = {.in = {.forward = true}};
    struct ddb_bounds bounds;
    size_t count = sizeof query_fields / sizeof *query_fields;
    int rc = ddb_input_read(query_fields, count, input, &p.in, f);
    if (rc == 0)
        rc = page_compile(&p, d, f);
    if (rc == 0)
        rc = query_bounds(&p, &bounds, f);
    if (rc == 0) {
        struct ddb_store *store = ddb_readers_take(&d->readers);
        rc = fill(&p, ddb_store_query(store, p.table->id, &bounds, p.in.forward), f);
        ddb_readers_give(&d->readers, store);
    }
    if (rc == 0)
        rc = finish(&p, output, f);
    page_close(&p);
    return rc;
}

/* --- Scan ----------------------------------------------------------------------------------- */

/* AWS's ceiling for TotalSegments. */
enum { SEGMENTS_MAX = 1000000 };

static const struct field scan_fields[] = {
    PAGE_FIELDS,
    {"Segment", FIELD_INT, false, offsetof(struct ddb_input, segment), 0, SEGMENTS_MAX - 1},
    {"TotalSegments", FIELD_INT, false, offsetof(struct ddb_input, total_segments), 1,
     SEGMENTS_MAX},
};

/* Segment is -1 when it was absent, for 0 is a segment. */
static int check_segment(const struct ddb_input *in, struct ddb_fault *f)
{
    if (in->segment >= 0 && in->total_segments == 0)
        return ddb_invalid(f, "The TotalSegments parameter is required but was not present in the "
                              "request when Segment parameter is present");
    if (in->segment < 0 && in->total_segments > 0)
        return ddb_invalid(f, "The Segment parameter is required but was not present in the "
                              "request when parameter TotalSegments is present");
    if (in->total_segments > 0 && in->segment >= in->total_segments)
        return ddb_invalid(f,
                           "The Segment parameter is zero-based and must be less than parameter "
                           "TotalSegments: Segment: %lld is not less than TotalSegments: %lld",
                           (long long)in->segment, (long long)in->total_segments);
    return 0;
}

/* The first slot of a segment: the slots are shared out evenly and without gaps. */
static uint64_t segment_start(int64_t segment, int64_t total)
{
    return ((uint64_t)segment << 32) / (uint64_t)total;
}

/* A start key must lie in the segment it is used with. */
static int scan_page(struct page *p, struct ddb_store *store, struct ddb_fault *f)
{
    struct ddb_key after;
    uint64_t first = 0;
    uint64_t last = UINT32_MAX;
    if (p->in.total_segments > 0) {
        first = segment_start(p->in.segment, p->in.total_segments);
        last = segment_start(p->in.segment + 1, p->in.total_segments) - 1;
    }
    if (p->in.start && read_start(p, &after, f) != 0)
        return -1;
    if (p->in.start && (after.slot < first || after.slot > last))
        return ddb_invalid(f,
                           "The provided starting key is invalid: Invalid ExclusiveStartKey. "
                           "Please use ExclusiveStartKey with correct Segment. TotalSegments: "
                           "%lld Segment: %lld",
                           (long long)p->in.total_segments, (long long)p->in.segment);
    return fill(p,
                ddb_store_scan(store, p->table->id, (uint32_t)first, (uint32_t)last,
                               p->in.start ? &after : NULL),
                f);
}

int ddb_scan(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f)
{
    struct page p = {.in = {.segment = -1}};
    size_t count = sizeof scan_fields / sizeof *scan_fields;
    int rc = ddb_input_read(scan_fields, count, input, &p.in, f);
    if (rc == 0)
        rc = check_segment(&p.in, f);
    if (rc == 0)
        rc = page_compile(&p, d, f);
    if (rc == 0) {
        struct ddb_store *store = ddb_readers_take(&d->readers);
        rc = scan_page(&p, store, f);
        ddb_readers_give(&d->readers, store);
    }
    if (rc == 0)
        rc = finish(&p, output, f);
    page_close(&p);
    return rc;
}
