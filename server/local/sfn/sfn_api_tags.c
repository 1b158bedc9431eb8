/* TagResource, UntagResource: tags are an object text in the machine's row. */
#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_private.h"

#include <stdlib.h>
#include <string.h>

enum { TAGS_MAX = 50 };

struct tag_request {
    struct request request; /* first */
    struct local_sfn *sfn;
    char *arn;
    char *text;
    json_t *tags;
    int64_t machine;
};

static void release(struct request *r)
{
    struct tag_request *t = (struct tag_request *)r;
    json_decref(t->tags);
    free(t->arn);
    free(t->text);
}

static int write_tags(struct effect *self, struct sfn_db *db, struct error *err)
{
    struct tag_request *t = (struct tag_request *)request_of(self);
    return sfn_db_put_tags(db, t->machine, t->text, err);
}

static void decide(struct engine *e, struct request *r)
{
    struct tag_request *t = (struct tag_request *)r;
    const struct machine_entry *entry = names_get(&e->machines, t->arn);
    if (!entry) {
        request_fault(e, r, "ResourceNotFound", "Resource not found: '%s'", t->arn);
        return;
    }
    t->machine = entry->id;
    request_reply(e, r, json_object(), write_tags);
}

/* The tags there are, locked for nobody: the last of two writers at once wins, as on AWS. */
static bool read_tags(struct local_sfn *s, struct tag_request *t)
{
    struct error err = {0};
    struct local_call *call = t->request.call;
    const char *arn = json_str(call->input, "resourceArn", "");
    struct sfn_reader *r = sfn_reader_take(s);
    int found = sfn_read_tags(r, arn, &t->tags, &err);
    sfn_reader_unlock(r);
    t->arn = strdup(arn);
    if (found > 0 && t->arn)
        return true;
    if (found == 0)
        local_fault(call, 400, "ResourceNotFound", "Resource not found: '%s'", arn);
    else
        local_fault(call, 500, "InternalServerError", "%s", err.message);
    return false;
}

/* A tag of the same key replaces the old one. */
static bool add_tags(struct tag_request *t)
{
    size_t i;
    json_t *tag;
    json_array_foreach (json_object_get(t->request.call->input, "tags"), i, tag)
        json_object_set_new(t->tags, json_str(tag, "key", ""),
                            json_string(json_str(tag, "value", "")));
    if (json_object_size(t->tags) <= TAGS_MAX)
        return true;
    local_fault(t->request.call, 400, "TooManyTags", "A state machine can have at most %d tags",
                TAGS_MAX);
    return false;
}

/* Keys that are not there are no error. */
static bool remove_tags(struct tag_request *t)
{
    size_t i;
    json_t *key;
    json_array_foreach (json_object_get(t->request.call->input, "tagKeys"), i, key)
        if (json_is_string(key))
            json_object_del(t->tags, json_string_value(key));
    return true;
}

/* Reads, changes, and leaves the writing to the engine. */
static void change(struct local_sfn *s, struct local_call *call,
                   bool (*apply)(struct tag_request *t))
{
    struct tag_request *t = (struct tag_request *)request_new(call, sizeof *t, decide, release);
    if (!t)
        return;
    if (!read_tags(s, t) || !apply(t)) {
        request_cancel(&t->request);
        return;
    }
    t->text = json_dumps(t->tags, JSON_COMPACT);
    if (t->text) {
        request_post(s, &t->request);
        return;
    }
    local_fault(call, 500, "InternalServerError", "out of memory");
    request_cancel(&t->request);
}

void api_tag(struct local_sfn *s, struct local_call *call)
{
    change(s, call, add_tags);
}

void api_untag(struct local_sfn *s, struct local_call *call)
{
    change(s, call, remove_tags);
}
