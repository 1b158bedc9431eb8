/* answer_list: the list in an answer that was left as text (as_text), element by element. The
 * reader borrows the answer's body. For the headers of services and their callers; one thread. */
#ifndef STEPFLEET_AWS_ANSWER_LIST_H
#define STEPFLEET_AWS_ANSWER_LIST_H

#include "lib/aws/aws.h"
#include "lib/json/json_pull.h"

struct answer_list {
    struct json_pull pull;   /* before an element, when answer_list_next has told of one */
    const char *name, *mark; /* the member that is the list, and one to note on the way */
    struct json_slice marked;
    bool found, within, over;
};

/* `name` and `mark` are kept. */
void answer_list_open(struct answer_list *l, const struct aws_response *response, const char *name,
                      const char *mark);
/* True: pull stands before an element, which is to be read or skipped before the next call. False:
 * there are no more, or the text is unsound. */
bool answer_list_next(struct answer_list *l);
/* Passes over what is left. -1 with ERR_SYNTAX if something is wrong with the text. */
int answer_list_end(struct answer_list *l, struct error *err);

#endif
