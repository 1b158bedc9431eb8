/* What is to be kept of an answer of DescribeTasks: what was said before is not written again. */
#include "server/describe/describe_private.h"

#include <stdlib.h>

struct news *news_new(struct error *err)
{
    struct news *n = calloc(1, sizeof *n);
    if (!n) {
        err_set(err, ERR_MEMORY, "out of memory for descriptions of tasks");
        return NULL;
    }
    buf_init(&n->texts, BUF_MAX_AWS_REPLY);
    return n;
}

void news_free(struct news *n)
{
    if (n)
        buf_free(&n->texts);
    free(n);
}

void news_add(struct news *n, const struct subjects *s, int64_t seq, const json_t *task,
              bool stopped)
{
    const struct subject *one = &s->list[seq];
    size_t from = n->texts.len;
    if (n->count == ECS_DESCRIBE_MAX)
        return;
    bool shortened = describe_text(task, &n->texts);
    size_t len = n->texts.len - from;
    uint64_t hash = len ? seen_hash(SEEN_START, n->texts.data + from, len) : 0;
    if (hash == one->said) {
        buf_truncate(&n->texts, from);
        return;
    }
    n->offsets[n->count] = from;
    n->hashes[n->count] = hash;
    n->list[n->count++] = (struct store_description){.seq = seq,
                                                     .ecs_task_id = one->id,
                                                     .stopped = stopped,
                                                     .shortened = shortened,
                                                     .body_len = len};
}

int news_keep(struct news *n, struct subjects *s, struct error *err)
{
    if (buf_check(&n->texts, err))
        return -1;
    for (size_t i = 0; i < n->count; i++)
        n->list[i].body = n->texts.data + n->offsets[i];
    if (n->count && store_descriptions_put(s->room->loop->store, s->run_id, n->list, n->count, err))
        return -1;
    for (size_t i = 0; i < n->count; i++)
        s->list[n->list[i].seq].said = n->hashes[i];
    return 0;
}
