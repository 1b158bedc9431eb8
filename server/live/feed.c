/* The text of the feed, by the rules of server-sent events. */
#include "server/live/live_private.h"

#include <inttypes.h>

/* A line break would end the event: JSON has them between its members only. */
static void flatten(struct buf *out, size_t from)
{
    for (size_t i = from; i < out->len; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
}

void feed_add_run(struct buf *out, const struct live *l, const struct store_run *run)
{
    struct json_writer w;
    buf_addf(out, "id: %" PRId64 "\nevent: run\ndata: ", run->version);
    const size_t from = out->len;
    jw_init(&w, out);
    l->options.render(&w, run, clock_wall(l->options.clock));
    flatten(out, from);
    buf_adds(out, "\n\n");
}
