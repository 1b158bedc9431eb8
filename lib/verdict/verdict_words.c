/* Classes by name, and the sentence about an end. */
#include "lib/verdict/verdict.h"

#include "lib/base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name, *meaning, *remedy;
} classes[VERDICT_CLASS_COUNT] = {
#define X(value, name, meaning, remedy) [value] = {name, meaning, remedy},
    VERDICT_TABLE(X)
#undef X
};

static bool is_class(enum verdict_class c)
{
    return (unsigned)c < VERDICT_CLASS_COUNT;
}

const char *verdict_name(enum verdict_class c)
{
    return classes[is_class(c) ? c : VERDICT_NONE].name;
}

const char *verdict_remedy(enum verdict_class c)
{
    return classes[is_class(c) ? c : VERDICT_NONE].remedy;
}

/* None is no reason: it stands for tasks that have none. */
int verdict_parse(const char *name, enum verdict_class *out, struct error *err)
{
    struct buf known;
    for (int c = VERDICT_NONE + 1; c < VERDICT_CLASS_COUNT; c++) {
        if (strcasecmp(classes[c].name, name) == 0) {
            *out = (enum verdict_class)c;
            return 0;
        }
    }
    buf_init(&known, ERR_MESSAGE_MAX);
    for (int c = VERDICT_NONE + 1; c < VERDICT_CLASS_COUNT; c++)
        buf_addf(&known, "%s%s", c > VERDICT_NONE + 1 ? ", " : "", classes[c].name);
    err_set(err, ERR_ARGUMENT, "\"%.40s\" is no reason: use one of %s", name, buf_str(&known));
    buf_free(&known);
    return -1;
}

/* Our own words about an end stand before a colon, the services' behind it: where the class says
 * the same, only the latter are news. */
static const char *news_of(const char *reason)
{
    static const char *const ours[] = {"the task ended ", "the task was killed by ",
                                       "the task's container never ran"};
    const char *colon = strstr(reason, ": ");
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strncmp(reason, ours[i], strlen(ours[i])) == 0)
            return colon ? colon + 2 : "";
    return reason;
}

/* "The task ran out of memory and was killed (exit code 137): OutOfMemoryError: ...". */
const char *verdict_sentence(const struct verdict_end *end, enum verdict_class c,
                             char out[VERDICT_SENTENCE_MAX])
{
    enum { WORDS_MAX = 280 };
    char code[40] = "";
    out[0] = '\0';
    if (!is_class(c) || c == VERDICT_NONE)
        return out;
    const char *words = news_of(end->stopped_reason ? end->stopped_reason : "");
    size_t len = strlen(words);
    if (end->exit_code > 0)
        (void)snprintf(code, sizeof code, " (exit code %lld)", (long long)end->exit_code);
    bool cut = len > WORDS_MAX;
    bool stop = !cut && len > 0 && strchr(".!?", words[len - 1]);
    (void)snprintf(out, VERDICT_SENTENCE_MAX, "%s%s%s%.*s%s", classes[c].meaning, code,
                   len ? ": " : "", (int)utf8_fit(words, WORDS_MAX), words,
                   cut    ? "..."
                   : stop ? ""
                          : ".");
    return out;
}
