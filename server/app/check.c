/* `stepfleet check`: validates a spec without a server. */
#include "lib/json/json_read.h"
#include "lib/spec/spec.h"
#include "server/app/app.h"
#include "server/app/machines.h"
#include "server/app/outputs.h"
#include "server/app/text_file.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };
enum { CHECK_LOCAL, CHECK_OUTPUTS, CHECK_PATTERN, CHECK_ROWS };

static const struct option_row check_rows[CHECK_ROWS] = {
    [CHECK_LOCAL] = {"local", "STEPFLEET_LOCAL", NULL, NULL,
                     "leave out what local mode knows by itself", OPTION_SWITCH, false, 0, 0},
    [CHECK_OUTPUTS] = {"outputs", "STEPFLEET_OUTPUTS", "FILE", NULL,
                       "leave out what the deployment's outputs.json tells", OPTION_TEXT, false, 0,
                       0},
    [CHECK_PATTERN] = {"pattern", "STEPFLEET_PATTERN", "N", NULL,
                       "1 or 2, where the spec does not tell", OPTION_INT, false, 1, 2},
};

/* What is being checked, and what is found. */
struct check {
    const char *name; /* as messages call it */
    struct buf text;
    struct machines machines; /* local mode's defaults; empty without --local */
    struct outputs outputs;   /* the deployment's; empty without --outputs */
    json_t *tree;
    struct spec spec;
    struct json_problems problems;
};

static void check_close(struct check *c)
{
    spec_free(&c->spec);
    json_decref(c->tree);
    json_problems_free(&c->problems);
    machines_close(&c->machines);
    outputs_close(&c->outputs);
    buf_free(&c->text);
}

/* What may be left out: as serve has it, local mode asks nobody. */
static int open_defaults(struct check *c, const struct option_value *values, struct error *err)
{
    if (option_on(&values[CHECK_LOCAL]))
        return machines_open_local(&c->machines, "us-east-1", err);
    return outputs_open(&c->outputs, values[CHECK_OUTPUTS].text, err);
}

/* 0 if the spec is good. Whatever is wrong is in c->problems or, if it has none, in *err. */
static int check_spec(struct check *c, int hint, struct error *err)
{
    if (buf_check(&c->text, NULL))
        return err_set(err, ERR_LIMIT,
                       "the spec is larger than %d bytes: split it into several workflows",
                       (int)BUF_MAX_SPEC);
    if (json_parse(buf_str(&c->text), c->text.len, &c->tree, err))
        return -1;
    int i = spec_guess_pattern(c->tree, hint) == 2;
    const json_t *local = c->machines.defaults[i];
    return spec_read(c->tree, hint, local ? local : c->outputs.defaults[i], &c->spec, &c->problems,
                     err);
}

static int report(const struct check *c, int rc, const struct error *err)
{
    if (!rc) {
        (void)printf("%s: good: pattern %d, workflow %s, %zu tasks\n", c->name, c->spec.pattern,
                     c->spec.workflow_name, c->spec.task_count);
        return EXIT_GOOD;
    }
    if (!json_problems_any(&c->problems))
        (void)fprintf(stderr, "%s: %s\n", c->name, err->message);
    for (size_t i = 0; i < c->problems.count; i++) {
        const struct json_problem *p = &c->problems.list[i];
        (void)fprintf(stderr, "%s: %s%s%s\n", c->name, p->pointer, *p->pointer ? ": " : "",
                      p->detail);
    }
    if (c->problems.dropped)
        (void)fprintf(stderr, "%s: and %zu more errors\n", c->name, c->problems.dropped);
    return EXIT_BAD;
}

static int complain(const struct error *err)
{
    (void)fprintf(stderr, "stepfleet: %s\n", err->message);
    return EXIT_USAGE;
}

int command_check(int argc, const char **argv)
{
    struct option_value values[CHECK_ROWS];
    struct error err = {0};
    int operands = 0;
    if (options_read(check_rows, CHECK_ROWS, argc, argv, settings_environment, values, &operands,
                     &err))
        return complain(&err);
    if (operands != 1) {
        err_set(&err, ERR_ARGUMENT,
                "usage: stepfleet check SPEC.json [--pattern N] [--local] [--outputs FILE]");
        return complain(&err);
    }
    struct check c = {.name = strcmp(argv[0], "-") == 0 ? "standard input" : argv[0]};
    buf_init(&c.text, BUF_MAX_SPEC);
    int code = EXIT_USAGE;
    if (text_file_read(argv[0], &c.text, &err) || open_defaults(&c, values, &err))
        (void)complain(&err);
    else
        code = report(&c, check_spec(&c, (int)option_int(&values[CHECK_PATTERN]), &err), &err);
    check_close(&c);
    return code;
}
