/* What the local deployment consists of, made from the files in the binary: the specs are the
 * examples, the definitions are those that infra/ deploys to AWS. */
#include "server/app/machines.h"

#include "server/embed/embed.h"
#include "server/local/call.h"
#include "server/local/local.h"

#include <stdio.h>
#include <string.h>

enum { DEFINITION_MAX = 1024 * 1024 };

/* "specs/pattern-1.json", "infra/statemachines/pattern-1.asl.json". */
static const struct embedded *find(const char *format, int pattern, struct error *err)
{
    char name[96];
    (void)snprintf(name, sizeof name, "%s/pattern-%d%s", format, pattern,
                   strcmp(format, "specs") == 0 ? ".json" : ".asl.json");
    const struct embedded *file = embed_find(name);
    if (!file)
        err_set(err, ERR_INTERNAL, "%s is not part of this binary", name);
    return file;
}

/* The example's attributes serve as defaults of every spec posted here: a user may send a task list
 * and little more. */
static int open_spec(struct machines *m, int i, struct error *err)
{
    struct json_problems problems = {0};
    const struct embedded *file = find("specs", i + 1, err);
    if (!file)
        return -1;
    int rc = spec_parse(file->data, file->len, i + 1, NULL, &m->specs[i], &problems, err);
    json_problems_free(&problems);
    if (rc)
        return err_wrap(err, "%s", file->name);
    m->defaults[i] = json_copy(m->specs[i].root);
    if (!m->defaults[i])
        return err_set(err, ERR_MEMORY, "out of memory");
    /* These two are the user's to say. */
    (void)json_object_del(m->defaults[i], "taskList");
    (void)json_object_del(m->defaults[i], "workflowName");
    return 0;
}

/* Copies the definition, putting function ARNs in place of ${...}. */
static int substitute(const char *text, const char *launcher, const char *monitor, struct buf *out,
                      struct error *err)
{
    static const char launcher_mark[] = "${TaskLauncherArn}";
    static const char monitor_mark[] = "${TaskMonitorArn}";
    for (const char *dollar; (dollar = strstr(text, "${")) != NULL;) {
        buf_add(out, text, (size_t)(dollar - text));
        if (strncmp(dollar, launcher_mark, sizeof launcher_mark - 1) == 0) {
            buf_adds(out, launcher);
            text = dollar + sizeof launcher_mark - 1;
        } else if (strncmp(dollar, monitor_mark, sizeof monitor_mark - 1) == 0) {
            buf_adds(out, monitor);
            text = dollar + sizeof monitor_mark - 1;
        } else {
            return err_set(err, ERR_INTERNAL, "unknown substitution %.40s", dollar);
        }
    }
    buf_adds(out, text);
    return buf_check(out, err);
}

/* ARNs are made up in the account that the embedded endpoint plays. */
int machines_open(struct machines *m, const char *region, const char *account, const char *launcher,
                  const char *monitor, struct error *err)
{
    char launcher_arn[192];
    char monitor_arn[192];
    *m = (struct machines){0};
    (void)snprintf(launcher_arn, sizeof launcher_arn, "arn:aws:lambda:%s:%s:function:%s", region,
                   account, launcher);
    (void)snprintf(monitor_arn, sizeof monitor_arn, "arn:aws:lambda:%s:%s:function:%s", region,
                   account, monitor);
    for (int i = 0; i < PATTERNS; i++)
        buf_init(&m->definitions[i], DEFINITION_MAX);
    for (int i = 0; i < PATTERNS; i++) {
        const struct embedded *file = find("infra/statemachines", i + 1, err);
        if (!file || open_spec(m, i, err) ||
            substitute(file->data, launcher_arn, monitor_arn, &m->definitions[i], err)) {
            machines_close(m);
            return -1;
        }
        (void)snprintf(m->names[i], sizeof m->names[i], "stepfleet-pattern-%d", i + 1);
        (void)snprintf(m->arns[i], sizeof m->arns[i], "arn:aws:states:%s:%s:stateMachine:%s",
                       region, account, m->names[i]);
    }
    return 0;
}

int machines_open_local(struct machines *m, const char *region, struct error *err)
{
    return machines_open(m, region, LOCAL_ACCOUNT, LOCAL_LAUNCHER, LOCAL_MONITOR, err);
}

const char *machines_definition(const struct machines *m, int i)
{
    if (m->definitions[i].len > 0)
        return buf_str(&m->definitions[i]);
    const struct embedded *file = find("infra/statemachines", i + 1, NULL);
    return file ? file->data : NULL;
}

bool machines_is_arn(const char *text)
{
    return strncmp(text, "arn:", 4) == 0 && strstr(text, ":stateMachine:") != NULL;
}

void machines_close(struct machines *m)
{
    for (int i = 0; i < PATTERNS; i++) {
        spec_free(&m->specs[i]);
        json_decref(m->defaults[i]);
        buf_free(&m->definitions[i]);
    }
}
