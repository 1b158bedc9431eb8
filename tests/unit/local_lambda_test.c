/* server/local/lambda: the Runtime API from both sides, warm reuse, timeouts, crashes, the queue,
 * and the HTTP front that the gate passes requests to. */
#include "lib/http_client/http_client.h"
#include "lib/json/json_read.h"
#include "server/local/lambda/local_lambda.h"
#include "tests/unit/host_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* A function that does what its event says, one invocation after the other. */
static const char worker[] =
    "#!/usr/bin/python3 -IS\n"
    "import fcntl, http.client, json, os, sys\n"
    "api = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n"
    "base = '/2018-06-01/runtime/'\n"
    "count = 0\n"
    "def call(method, path, body=None, headers={}):\n"
    "    api.request(method, base + path, body, headers)\n"
    "    r = api.getresponse()\n"
    "    return r, r.read()\n"
    "if os.environ.get('INIT') == 'exit': sys.exit(5)\n"
    "if os.environ.get('INIT') == 'error':\n"
    "    call('POST', 'init/error', json.dumps({'errorType': 'Init.Bad', 'errorMessage': 'no'}))\n"
    "    sys.exit(1)\n"
    "while True:\n"
    "    r, event = call('GET', 'invocation/next')\n"
    "    e = json.loads(event)\n"
    "    i = r.headers['Lambda-Runtime-Aws-Request-Id']\n"
    "    count += 1\n"
    "    do = e.get('do')\n"
    "    if do == 'print': print(e['text'], flush=True)\n"
    "    if do == 'exit': os._exit(e['code'])\n"
    "    if do == 'signal': os.kill(os.getpid(), 9)\n"
    "    if do == 'wait':\n"
    "        open(e['fifo'], 'w').write('here\\n')\n"
    "        fcntl.flock(open(e['gate']), fcntl.LOCK_SH)\n"
    "    if do == 'error':\n"
    "        call('POST', f'invocation/{i}/error',\n"
    "             json.dumps({'errorType': 'Flow.Bad', 'errorMessage': 'as told'}),\n"
    "             {'Lambda-Runtime-Function-Error-Type': 'Flow.Bad'})\n"
    "        continue\n"
    "    out = {'pid': os.getpid(), 'count': count, 'id': i}\n"
    "    if do == 'env': out = dict(os.environ)\n"
    "    if do == 'headers': out = dict(r.headers)\n"
    "    if do == 'misuse':\n"
    "        out = {'wrong': call('POST', 'invocation/no-such-id/response', '1')[0].status,\n"
    "               'next': call('GET', 'invocation/next')[0].status,\n"
    "               'large': call('POST', f'invocation/{i}/response', 'x' * 6291557)[0].status,\n"
    "               'none': call('GET', 'nothing')[0].status,\n"
    "               'init': call('POST', 'init/error', '{}')[0].status}\n"
    "    call('POST', f'invocation/{i}/response', json.dumps(out))\n"
    "    if do == 'twice':\n"
    "        s = call('POST', f'invocation/{i}/response', '2')[0].status\n"
    "        open(e['fifo'], 'w').write(f'{s}\\n')\n";

struct place {
    struct host_place host;
    char program[HOST_PATH_MAX];
    struct local_lambda *lambda;
};

static void add_function(struct place *p, const char *name, int seconds, const char *program,
                         const char *variable)
{
    const char *const environment[] = {"MINE=yes", variable, NULL};
    const struct local_lambda_function function = {
        .name = name, .program = program, .timeout_seconds = seconds, .environment = environment};
    struct error err = {.code = ERR_NONE};
    cr_assert_eq(local_lambda_register(p->lambda, &function, &err), 0, "%s", err.message);
}

static void place_open(struct place *p, int concurrency)
{
    char dir[HOST_PATH_MAX];
    struct error err = {.code = ERR_NONE};
    host_place_open(&p->host);
    int fd = open(host_path(&p->host, "worker", p->program), O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, worker, sizeof worker - 1), (ssize_t)(sizeof worker - 1));
    cr_assert_eq(close(fd), 0);
    const struct local_lambda_options options = {.dir = host_path(&p->host, "lambda", dir),
                                                 .region = "eu-west-1",
                                                 .processes = p->host.processes,
                                                 .clock = clock_system(),
                                                 .concurrency = concurrency};
    p->lambda = local_lambda_open(&options, &err);
    cr_assert_not_null(p->lambda, "%s", err.message);
    local_lambda_set_endpoint(p->lambda, "http://127.0.0.1:4566");
    add_function(p, "work", 30, p->program, NULL);
}

static void place_close(struct place *p)
{
    p->lambda = local_lambda_close(p->lambda);
    host_place_close(&p->host);
}

/* --- invoking ----------------------------------------------------------------------------------*/

struct answer {
    struct host_event event;
    enum lambda_result result;
    int status;
    char code[64];
    char text[512];
    json_t *body;
};

#define ANSWER_INIT                                                                                \
    {                                                                                              \
        .event = HOST_EVENT_INIT                                                                   \
    }

static void on_done(void *ctx, const struct lambda_outcome *outcome)
{
    struct answer *a = ctx;
    a->result = outcome->result;
    a->status = outcome->status;
    (void)snprintf(a->code, sizeof a->code, "%s", outcome->code);
    (void)snprintf(a->text, sizeof a->text, "%.*s", (int)outcome->body_len, outcome->body);
    if (outcome->result != LAMBDA_REFUSED)
        (void)json_parse(outcome->body, outcome->body_len, &a->body, NULL);
    host_event_happens(&a->event);
}

static void begin(struct place *p, const char *function, const char *event, struct answer *a)
{
    local_lambda_invoke(p->lambda, function, event, strlen(event), on_done, a);
}

static struct answer invoke(struct place *p, const char *function, const char *event)
{
    struct answer a = ANSWER_INIT;
    begin(p, function, event, &a);
    host_event_await(&a.event, 1);
    return a;
}

/* The body of an invocation that must work. */
static json_t *good(struct place *p, const char *function, const char *event)
{
    struct answer a = invoke(p, function, event);
    cr_assert_eq(a.result, LAMBDA_OK, "%s %s", a.code, a.text);
    cr_assert_not_null(a.body, "%s", a.text);
    return a.body;
}

/* An event that makes the function say "here" and wait for the gate; *gate is its locked file. */
static void waiting_event(struct place *p, char event[3 * HOST_PATH_MAX], int *gate)
{
    char path[HOST_PATH_MAX];
    *gate = open(host_path(&p->host, "gate", path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(*gate, 0);
    cr_assert_eq(flock(*gate, LOCK_EX), 0);
    (void)snprintf(event, 3 * HOST_PATH_MAX, "{\"do\":\"wait\",\"fifo\":\"%s\",\"gate\":\"%s\"}",
                   p->host.fifo, path);
}

Test(local_lambda, keeps_an_environment_warm)
{
    static const char *const names[] = {"work", "work:$LATEST", "000000000000:function:work",
                                        "arn:aws:lambda:eu-west-1:000000000000:function:work",
                                        "arn:aws:lambda:eu-west-1:000000000000:function:work:live"};
    struct place p;
    int64_t pid = 0;
    place_open(&p, 4);
    for (int i = 0; i < 5; i++) {
        json_t *body = good(&p, names[i], "{}");
        cr_assert_eq(json_int(body, "count", 0), i + 1);
        cr_assert(i == 0 || json_int(body, "pid", 0) == pid);
        pid = json_int(body, "pid", 0);
        json_decref(body);
    }
    place_close(&p);
}

Test(local_lambda, gives_the_variables_of_the_runtime)
{
    static const struct {
        const char *name;
        const char *value;
    } wanted[] = {
        {"AWS_LAMBDA_FUNCTION_NAME", "work"},
        {"AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"},
        {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"},
        {"AWS_REGION", "eu-west-1"},
        {"AWS_DEFAULT_REGION", "eu-west-1"},
        {"AWS_ENDPOINT_URL", "http://127.0.0.1:4566"},
        {"_HANDLER", "bootstrap"},
        {"TZ", ":UTC"},
        {"MINE", "yes"},
    };
    struct place p;
    cr_assert_eq(setenv("LEAKED", "1", 1), 0);
    place_open(&p, 1);
    json_t *env = good(&p, "work", "{\"do\":\"env\"}");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        cr_assert_str_eq(json_str(env, wanted[i].name, "absent"), wanted[i].value);
    cr_assert_str_eq(json_str(env, "LAMBDA_TASK_ROOT", ""), p.host.dir);
    cr_assert_eq(strncmp(json_str(env, "AWS_LAMBDA_RUNTIME_API", ""), "127.0.0.1:", 10), 0);
    cr_assert_null(json_object_get(env, "LEAKED"));
    json_decref(env);
    place_close(&p);
}

Test(local_lambda, gives_the_headers_of_an_event)
{
    struct place p;
    place_open(&p, 1);
    int64_t before = clock_wall(clock_system()) / CLOCK_MS;
    json_t *headers = good(&p, "work", "{\"do\":\"headers\"}");
    int64_t deadline = strtoll(json_str(headers, "Lambda-Runtime-Deadline-Ms", "0"), NULL, 10);
    cr_assert_geq(deadline, before + 30000);
    cr_assert_leq(deadline, clock_wall(clock_system()) / CLOCK_MS + 30000);
    cr_assert_str_eq(json_str(headers, "Lambda-Runtime-Invoked-Function-Arn", ""),
                     "arn:aws:lambda:eu-west-1:000000000000:function:work");
    cr_assert_eq(strncmp(json_str(headers, "Lambda-Runtime-Trace-Id", ""), "Root=1-", 7), 0);
    cr_assert_eq(strlen(json_str(headers, "Lambda-Runtime-Aws-Request-Id", "")), 36);
    json_decref(headers);
    place_close(&p);
}

Test(local_lambda, holds_programs_to_the_protocol)
{
    struct place p;
    char text[64];
    char event[HOST_PATH_MAX + 64];
    place_open(&p, 1);
    json_t *told = good(&p, "work", "{\"do\":\"misuse\"}");
    cr_assert_eq(json_int(told, "wrong", 0), 400);
    cr_assert_eq(json_int(told, "next", 0), 403);
    cr_assert_eq(json_int(told, "large", 0), 413);
    cr_assert_eq(json_int(told, "none", 0), 404);
    cr_assert_eq(json_int(told, "init", 0), 403);
    json_decref(told);
    (void)snprintf(event, sizeof event, "{\"do\":\"twice\",\"fifo\":\"%s\"}", p.host.fifo);
    json_decref(good(&p, "work", event));
    host_read_lines(&p.host, 1, text, sizeof text);
    cr_assert_str_eq(text, "403\n");
    place_close(&p);
}

Test(local_lambda, tells_how_a_function_failed)
{
    static const struct {
        const char *event;
        const char *type;
        const char *message; /* its end */
    } cases[] = {
        {"{\"do\":\"error\"}", "Flow.Bad", "as told"},
        {"{\"do\":\"exit\",\"code\":3}", "Runtime.ExitError",
         "Error: Runtime exited with error: exit status 3"},
        {"{\"do\":\"signal\"}", "Runtime.ExitError",
         "Error: Runtime exited with error: signal: Killed"},
    };
    struct place p;
    place_open(&p, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer a = invoke(&p, "work", cases[i].event);
        cr_assert_eq(a.result, LAMBDA_FAILED);
        cr_assert_str_eq(a.code, cases[i].type);
        cr_assert_str_eq(json_str(a.body, "errorType", ""), cases[i].type);
        const char *message = json_str(a.body, "errorMessage", "");
        size_t len = strlen(cases[i].message);
        cr_assert_geq(strlen(message), len);
        cr_assert_str_eq(message + strlen(message) - len, cases[i].message);
        json_decref(a.body);
        json_decref(good(&p, "work", "{}"));
    }
    place_close(&p);
}

Test(local_lambda, ends_what_takes_too_long)
{
    struct place p;
    char event[3 * HOST_PATH_MAX];
    int gate;
    place_open(&p, 1);
    add_function(&p, "slow", 1, p.program, NULL);
    waiting_event(&p, event, &gate);
    struct answer a = invoke(&p, "slow", event);
    cr_assert_eq(a.result, LAMBDA_FAILED);
    cr_assert_str_eq(a.code, "Sandbox.Timedout");
    cr_assert_not_null(strstr(a.text, " Task timed out after 1.00 seconds"), "%s", a.text);
    json_decref(a.body);
    json_t *fresh = good(&p, "slow", "{}");
    cr_assert_eq(json_int(fresh, "count", 0), 1, "a new environment");
    json_decref(fresh);
    cr_assert_eq(close(gate), 0);
    place_close(&p);
}

Test(local_lambda, tells_why_a_program_never_began)
{
    static const struct {
        const char *name;
        const char *variable;
        const char *type;
    } cases[] = {
        {"exits", "INIT=exit", "Runtime.ExitError"},
        {"errs", "INIT=error", "Init.Bad"},
        {"gone", NULL, "Runtime.InvalidEntrypoint"},
    };
    struct place p;
    place_open(&p, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        add_function(&p, cases[i].name, 5, i == 2 ? "/nowhere/program" : p.program,
                     cases[i].variable);
        for (int again = 0; again < 2; again++) {
            struct answer a = invoke(&p, cases[i].name, "{}");
            cr_assert_eq(a.result, LAMBDA_FAILED);
            cr_assert_str_eq(a.code, cases[i].type, "%s: %s", cases[i].name, a.text);
            json_decref(a.body);
        }
    }
    place_close(&p);
}

Test(local_lambda, queues_beyond_its_concurrency)
{
    enum { MANY = 6 };
    struct place p;
    struct answer answers[MANY];
    char event[3 * HOST_PATH_MAX];
    char text[256];
    int64_t pids[MANY];
    int gate;
    place_open(&p, 2);
    waiting_event(&p, event, &gate);
    for (int i = 0; i < MANY; i++) {
        answers[i] = (struct answer)ANSWER_INIT;
        begin(&p, "work", event, &answers[i]);
    }
    host_read_lines(&p.host, 2, text, sizeof text); /* two are running */
    cr_assert_eq(close(gate), 0);
    size_t different = 0;
    for (int i = 0; i < MANY; i++) {
        host_event_await(&answers[i].event, 1);
        cr_assert_eq(answers[i].result, LAMBDA_OK, "%s", answers[i].text);
        pids[i] = json_int(answers[i].body, "pid", 0);
        bool seen = false;
        for (int j = 0; j < i; j++)
            seen = seen || pids[j] == pids[i];
        different += !seen;
        json_decref(answers[i].body);
    }
    cr_assert_eq(different, 2, "two environments served six events, not %zu", different);
    place_close(&p);
}

Test(local_lambda, an_idle_environment_that_dies_is_replaced)
{
    struct place p;
    place_open(&p, 1);
    json_t *first = good(&p, "work", "{}");
    pid_t pid = (pid_t)json_int(first, "pid", 0);
    int pidfd = pidfd_open(pid, 0);
    cr_assert_geq(pidfd, 0);
    cr_assert_eq(kill(pid, SIGKILL), 0);
    struct pollfd poller = {.fd = pidfd, .events = POLLIN};
    cr_assert_eq(poll(&poller, 1, HOST_PATIENCE_SECONDS * 1000), 1);
    (void)close(pidfd);
    /* The host may learn of it a moment later: an event may still fail, the one after may not. */
    struct answer second = invoke(&p, "work", "{}");
    json_t *third = good(&p, "work", "{}");
    cr_assert_neq(json_int(third, "pid", 0), pid);
    cr_assert(second.result == LAMBDA_OK || strcmp(second.code, "Runtime.ExitError") == 0);
    json_decref(first);
    json_decref(second.body);
    json_decref(third);
    place_close(&p);
}

Test(local_lambda, closing_answers_what_waits)
{
    struct place p;
    struct answer answers[3];
    char event[3 * HOST_PATH_MAX];
    char text[64];
    int gate;
    place_open(&p, 1);
    waiting_event(&p, event, &gate);
    for (int i = 0; i < 3; i++) {
        answers[i] = (struct answer)ANSWER_INIT;
        begin(&p, "work", event, &answers[i]);
    }
    host_read_lines(&p.host, 1, text, sizeof text);
    p.lambda = local_lambda_close(p.lambda);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(answers[i].event.count, 1);
        cr_assert_eq(answers[i].result, LAMBDA_REFUSED);
        cr_assert_str_eq(answers[i].code, "ServiceException");
    }
    (void)close(gate);
    place_close(&p);
}

Test(local_lambda, refuses_what_it_cannot_run)
{
    struct place p;
    struct answer a = ANSWER_INIT;
    place_open(&p, 1);
    char *large = calloc(1, 6291457);
    cr_assert_not_null(large);
    local_lambda_invoke(p.lambda, "work", large, 6291457, on_done, &a);
    cr_assert_eq(a.result, LAMBDA_REFUSED);
    cr_assert_eq(a.status, 413);
    cr_assert_str_eq(a.code, "RequestTooLargeException");
    free(large);
    static const char *const unknown[] = {"other", "wor",
                                          "arn:aws:lambda:us-east-1:000000000000:function:work",
                                          "111111111111:function:work"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        a = invoke(&p, unknown[i], "{}");
        cr_assert_eq(a.result, LAMBDA_REFUSED);
        cr_assert_eq(a.status, 404);
        cr_assert_str_eq(a.code, "ResourceNotFoundException");
    }
    place_close(&p);
}

Test(local_lambda, registers_only_what_makes_sense)
{
    static const struct {
        const char *name;
        int seconds;
        enum err_code code;
    } cases[] = {{"", 5, ERR_ARGUMENT},
                 {"a b", 5, ERR_ARGUMENT},
                 {"new", 0, ERR_ARGUMENT},
                 {"new", 901, ERR_ARGUMENT},
                 {"work", 5, ERR_CONFLICT}};
    struct place p;
    place_open(&p, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {.code = ERR_NONE};
        const struct local_lambda_function function = {
            .name = cases[i].name, .program = "/bin/true", .timeout_seconds = cases[i].seconds};
        cr_assert_eq(local_lambda_register(p.lambda, &function, &err), -1);
        cr_assert_eq(err.code, cases[i].code, "%s", err.message);
    }
    place_close(&p);
}

/* --- over HTTP, as the gate passes it on -------------------------------------------------------*/

static void pass_on(void *ctx, struct http_exchange *x)
{
    struct place *p = ctx;
    local_lambda_handle(p->lambda, x);
}

struct front {
    struct http_server *server;
    struct http_client *client;
};

static void front_open(struct front *f, struct place *p)
{
    const struct http_server_options options = {
        .host = "127.0.0.1", .threads = 1, .max_body = 7000000, .ctx = p, .handle = pass_on};
    const struct http_client_options client = {.max_connections = 1};
    f->server = http_server_start(&options, NULL);
    f->client = http_client_new(&client, NULL);
    cr_assert_not_null(f->server);
    cr_assert_not_null(f->client);
}

static void front_close(struct front *f)
{
    (void)http_client_free(f->client);
    (void)http_server_stop(f->server);
}

static struct http_response ask(struct front *f, const char *method, const char *path,
                                const struct http_header *headers, size_t count, const char *body)
{
    char url[256];
    struct error err = {.code = ERR_NONE};
    struct http_response response = {.status = 0};
    (void)snprintf(url, sizeof url, "%s%s", http_server_url(f->server), path);
    const struct http_request request = {.method = method,
                                         .url = url,
                                         .headers = headers,
                                         .header_count = count,
                                         .body = body,
                                         .body_len = body ? strlen(body) : 0,
                                         .no_proxy = true};
    cr_assert_eq(http_client_call(f->client, &request, &response, &err), 0, "%s", err.message);
    return response;
}

static const char invocations[] = "/2015-03-31/functions/work/invocations";

Test(local_lambda, answers_invoke_over_http)
{
    static const struct http_header tail = {"X-Amz-Log-Type", "Tail"};
    struct place p;
    struct front f;
    char value[512];
    place_open(&p, 1);
    front_open(&f, &p);
    struct http_response r =
        ask(&f, "POST", invocations, &tail, 1, "{\"do\":\"print\",\"text\":\"hello log\"}");
    cr_assert_eq(r.status, 200);
    cr_assert_str_eq(http_response_header(&r, "X-Amz-Executed-Version", value, sizeof value),
                     "$LATEST");
    cr_assert_str_eq(http_response_header(&r, "X-Amz-Log-Result", value, sizeof value),
                     "aGVsbG8gbG9nCg==");
    cr_assert_null(http_response_header(&r, "X-Amz-Function-Error", value, sizeof value));
    http_response_free(&r);
    r = ask(&f, "POST",
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Awork"
            "/invocations",
            NULL, 0, "{\"do\":\"error\"}");
    cr_assert_eq(r.status, 200);
    cr_assert_str_eq(http_response_header(&r, "X-Amz-Function-Error", value, sizeof value),
                     "Unhandled");
    cr_assert_str_eq(buf_str(&r.body),
                     "{\"errorType\": \"Flow.Bad\", \"errorMessage\": \"as told\"}");
    http_response_free(&r);
    front_close(&f);
    place_close(&p);
}

Test(local_lambda, answers_other_requests_over_http)
{
    static const struct http_header event = {"X-Amz-Invocation-Type", "Event"};
    static const struct http_header dry_run = {"X-Amz-Invocation-Type", "DryRun"};
    static const struct http_header wrong = {"X-Amz-Invocation-Type", "Sometimes"};
    static const struct {
        const char *method;
        const char *path;
        const struct http_header *header;
        const char *body;
        int status;
        const char *code; /* of an error */
    } cases[] = {
        {"POST", invocations, NULL, NULL, 200, NULL},
        {"POST", invocations, &event, "{}", 202, NULL},
        {"POST", invocations, &dry_run, "{}", 204, NULL},
        {"POST", invocations, &wrong, "{}", 400, "InvalidParameterValueException"},
        {"POST", invocations, NULL, "{", 400, "InvalidRequestContentException"},
        {"POST", "/2015-03-31/functions/other/invocations", NULL, "{}", 404,
         "ResourceNotFoundException"},
        {"POST", "/2015-03-31/functions/other/invocations", &event, "{}", 404,
         "ResourceNotFoundException"},
        {"POST", "/2015-03-31/functions/%zz/invocations", NULL, "{}", 400,
         "InvalidParameterValueException"},
        {"GET", "/2015-03-31/functions/", NULL, NULL, 200, NULL},
        {"GET", "/2015-03-31/functions/work", NULL, NULL, 200, NULL},
        {"GET", "/2015-03-31/functions/work/configuration", NULL, NULL, 200, NULL},
        {"GET", "/2015-03-31/functions/other", NULL, NULL, 404, "ResourceNotFoundException"},
        {"DELETE", "/2015-03-31/functions/work", NULL, NULL, 400, "UnsupportedOperationException"},
        {"GET", "/2015-03-31/layers", NULL, NULL, 404, "ResourceNotFoundException"},
    };
    struct place p;
    struct front f;
    place_open(&p, 1);
    front_open(&f, &p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char value[128];
        struct http_response r = ask(&f, cases[i].method, cases[i].path, cases[i].header,
                                     cases[i].header ? 1 : 0, cases[i].body);
        const char *code = http_response_header(&r, "x-amzn-errortype", value, sizeof value);
        cr_assert_eq(r.status, cases[i].status, "%s %s: %d %s", cases[i].method, cases[i].path,
                     r.status, buf_str(&r.body));
        cr_assert_str_eq(code ? code : "", cases[i].code ? cases[i].code : "");
        http_response_free(&r);
    }
    front_close(&f);
    place_close(&p);
}
