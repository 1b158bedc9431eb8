/* Members come in any order, so what stands behind the list is read when the list is over. */
#include "lib/aws/answer_list.h"

#include <string.h>

/* An empty body is an empty object, as for answers that are trees. */
void answer_list_open(struct answer_list *l, const struct aws_response *response, const char *name,
                      const char *mark)
{
    const struct buf *body = &response->http.body;
    jp_init(&l->pull, body->len ? buf_str(body) : "{}", body->len ? body->len : 2);
    l->name = name;
    l->mark = mark;
    l->marked = (struct json_slice){0};
    l->found = l->within = false;
    l->over = jp_peek(&l->pull) != JP_OBJECT;
    if (l->over)
        jp_skip(&l->pull);
    else
        jp_enter(&l->pull);
}

/* What is no array has no elements. */
static void enter_list(struct answer_list *l)
{
    if (l->found)
        jp_refuse(&l->pull, "the list is there twice");
    l->found = true;
    l->within = jp_peek(&l->pull) == JP_ARRAY;
    if (l->within)
        jp_enter(&l->pull);
    else
        jp_skip(&l->pull);
}

bool answer_list_next(struct answer_list *l)
{
    struct json_text name;
    for (;;) {
        if (l->within && jp_element(&l->pull))
            return true;
        l->within = false;
        if (l->over || !jp_member(&l->pull, &name))
            break;
        if (json_text_is(&name, l->name, strlen(l->name)))
            enter_list(l);
        else if (json_text_is(&name, l->mark, strlen(l->mark)))
            l->marked = jp_slice(&l->pull);
        else
            jp_skip(&l->pull);
    }
    l->over = true;
    return false;
}

int answer_list_end(struct answer_list *l, struct error *err)
{
    while (answer_list_next(l))
        jp_skip(&l->pull);
    return jp_end(&l->pull, err);
}
