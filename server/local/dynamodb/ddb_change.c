/* From images to records: which event it was, and what the stream's view shows of it. */
#include "server/local/dynamodb/ddb_change.h"

#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "server/local/dynamodb/ddb_stream.h"

/* An item's 400 KB are up to ten times as much JSON (a list of empty strings), and there may be two
 * images of it. */
enum { IMAGES_MAX = 16 * 1024 * 1024 };

/* 1 when nothing has changed, 0, or -1 when memory is out. Sets are equal in any order. */
static int is_unchanged(const struct ddb_change *c)
{
    if (!c->old_image || !c->new_image)
        return c->old_image == c->new_image;
    json_t *old_map = ddb_value_new(DDB_M, json_incref(c->old_image));
    json_t *new_map = ddb_value_new(DDB_M, json_incref(c->new_image));
    int equal = old_map && new_map ? ddb_value_equal(old_map, new_map) : -1;
    json_decref(old_map);
    json_decref(new_map);
    return equal;
}

static const char *event_of(const struct ddb_change *c)
{
    if (!c->old_image)
        return "INSERT";
    return c->new_image ? "MODIFY" : "REMOVE";
}

/* The members that depend on the view, as JSON text. */
static void write_images(const struct ddb_change *c, json_t *keys, struct buf *text)
{
    struct json_writer w;
    jw_init(&w, text);
    jw_object(&w, NULL);
    jw_json(&w, "Keys", keys);
    if (c->new_image && c->table->new_images)
        jw_json(&w, "NewImage", c->new_image);
    if (c->old_image && c->table->old_images)
        jw_json(&w, "OldImage", c->old_image);
    jw_end_object(&w);
}

static int append(const struct ddb_change *c, json_t *keys, size_t keys_size,
                  struct ddb_store *store, struct error *err)
{
    struct buf text;
    buf_init(&text, IMAGES_MAX);
    write_images(c, keys, &text);
    int rc = buf_check(&text, err);
    if (rc == 0) {
        const struct ddb_record r = {.event = event_of(c),
                                     .expired = c->expired,
                                     .size = keys_size + (c->table->new_images ? c->new_size : 0) +
                                             (c->table->old_images ? c->old_size : 0),
                                     .images = buf_str(&text),
                                     .images_len = text.len};
        rc = ddb_stream_append(store, c->table->stream, &r, err);
    }
    buf_free(&text);
    return rc;
}

int ddb_change_record(const struct ddb_change *c, struct ddb_store *store, struct ddb_fault *f)
{
    struct error err;
    size_t size = 0;
    int unchanged = c->table->stream ? is_unchanged(c) : 1;
    if (unchanged != 0)
        return unchanged > 0 ? 0 : ddb_no_memory(f);
    json_t *key = ddb_key_attributes(&c->table->schema, c->new_image ? c->new_image : c->old_image);
    json_t *normal = key ? ddb_item_normal(key, &size, f) : NULL;
    int rc = normal ? append(c, normal, size, store, &err) : ddb_no_memory(f);
    if (normal && rc != 0)
        ddb_internal(f, &err);
    json_decref(normal);
    json_decref(key);
    return rc;
}
