/* Answers are kept until all have come: what is said about one needs the others (who the caller is,
 * whether a service answered at all), and the report's order must not depend on theirs. */
#include "server/doctor/examine.h"

#include "lib/aws/endpoint.h"
#include "lib/aws/sts.h"
#include "server/doctor/judge.h"

#include <stdio.h>
#include <string.h>

enum { JOBS_MAX = PATTERNS * PROBES, CALL_TIMEOUT_MS = 3000, POLL_MS = 1000 };

/* One probe on its way. */
struct job {
    const struct probe *probe;
    int pattern; /* index */
    bool failed;
    struct error err;
    struct aws_response response;
    int64_t came_at; /* wall */
};

struct examination {
    const struct installation *in;
    struct aws *aws;
    struct job jobs[JOBS_MAX]; /* the first asks who we are */
    size_t count;
    struct sts_identity caller;
};

static void job_done(void *ctx, struct aws_response *response, const struct error *err)
{
    struct job *job = ctx;
    job->came_at = clock_wall(clock_system());
    job->failed = err != NULL;
    if (err)
        job->err = *err;
    if (response) {
        job->response = *response;
        *response = (struct aws_response){0};
    }
}

/* Both patterns may share a cluster and a task definition: they are asked for once. */
static bool is_asked(const struct probe *p, const struct installation *in, int i)
{
    const char *subject = p->subject(in, i);
    const char *before = i ? p->subject(in, i - 1) : NULL;
    return subject && (!before || strcmp(subject, before) != 0);
}

/* What cannot be sent is a finding like any other. */
static void send_job(struct examination *e, const struct probe *p, int i)
{
    struct job *job = &e->jobs[e->count++];
    struct aws_request request = {0};
    *job = (struct job){.probe = p, .pattern = i};
    job->failed = p->build(e->in, i, &request, &job->err) != 0;
    request.timeout_ms = CALL_TIMEOUT_MS;
    request.max_attempts = 1;
    if (!job->failed && aws_send(e->aws, &request, job_done, job, &job->err))
        job->failed = true;
}

static int ask_all(struct examination *e, struct error *err)
{
    int left;
    for (int i = 0; i < PATTERNS; i++)
        for (size_t k = 0; k < PROBES; k++)
            if (is_asked(&probes[k], e->in, i))
                send_job(e, &probes[k], i);
    while ((left = aws_poll(e->aws, POLL_MS, err)) > 0)
        continue;
    return left;
}

static void report_job(const struct examination *e, const struct job *job, struct report *report)
{
    const struct probe *p = job->probe;
    const struct facts facts = {aws_region(e->aws), e->caller.account, e->caller.arn};
    struct finding f = {.check = p->check, .subject = p->subject(e->in, job->pattern)};
    if (job->failed)
        judge_error(p, job->pattern, &facts, &job->err, &f);
    else if (p->judge)
        p->judge(e->in, job->pattern, &job->response, &f);
    else
        finding_set(&f, VERDICT_OK, "%s is allowed", p->action);
    report_add(report, &f);
}

/* "https://states.eu-west-1.amazonaws.com, AWS's own". True when it is configured. */
static bool endpoint_text(const struct endpoints *endpoints, enum aws_service service,
                          const char *region, struct buf *out)
{
    struct aws_request any = {.service = service};
    struct aws_target target;
    bool configured = endpoints->origin[service] != NULL;
    struct buf *const parts[] = {&any.path, &target.url, &target.host, &target.path};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        buf_init(parts[i], BUF_MAX_LINE);
    buf_addc(&any.path, '/');
    if (endpoint_resolve(endpoints, &any, region, &target, NULL) == 0)
        buf_addf(out, "%.*s, %s", (int)target.url.len - 1, buf_str(&target.url),
                 configured ? "configured" : "AWS's own");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        buf_free(parts[i]);
    return configured;
}

/* Reached if any of the service's calls was answered, whatever the answer said. The first failure
 * stands for all; NULL: reached. *needed: a server calls it, too. */
static const struct error *unreached(const struct examination *e, enum aws_service service,
                                     bool *needed)
{
    const struct error *why = NULL;
    *needed = false;
    for (size_t i = 0; i < e->count; i++) {
        const struct job *job = &e->jobs[i];
        if (job->probe->service != service)
            continue;
        if (!job->failed || !judge_unreached(&job->err))
            return NULL;
        why = why ? why : &job->err;
        *needed = *needed || job->probe->needed;
    }
    return why;
}

static void report_endpoint(const struct examination *e, const struct endpoints *endpoints,
                            enum aws_service service, struct report *report)
{
    struct finding f = {.check = "endpoint", .subject = aws_service_info(service)->name};
    bool needed;
    const struct error *why = unreached(e, service, &needed);
    struct buf text;
    buf_init(&text, sizeof f.found / 2);
    bool configured = endpoint_text(endpoints, service, aws_region(e->aws), &text);
    finding_set(&f, VERDICT_OK, "%s", buf_str(&text));
    if (why) {
        finding_set(&f, needed ? VERDICT_FAIL : VERDICT_WARN, "%s: not reached: %s", buf_str(&text),
                    why->message);
        finding_remedy(&f, configured
                               ? "is AWS_ENDPOINT_URL right, and does something listen there?"
                               : "let HTTPS out to it (VPC endpoint, NAT gateway or HTTPS_PROXY), "
                                 "and look at DNS and AWS_REGION");
    }
    report_add(report, &f);
    buf_free(&text);
}

static int report_endpoints(const struct examination *e, const struct aws_options *options,
                            struct report *report, struct error *err)
{
    static const enum aws_service services[] = {AWS_STS, AWS_SFN, AWS_DYNAMODB, AWS_S3, AWS_ECS};
    struct endpoints endpoints;
    if (endpoints_open(&endpoints, options, err))
        return -1;
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        report_endpoint(e, &endpoints, services[i], report);
    endpoints_close(&endpoints);
    return 0;
}

/* By the first answer that tells the time. */
static void report_clock(const struct examination *e, struct report *report)
{
    struct finding f = {.check = "clock", .subject = ""};
    char text[64];
    int64_t theirs = 0, ours = 0;
    for (size_t i = 0; i < e->count && !theirs; i++) {
        const struct job *job = &e->jobs[i];
        if (!http_response_header(&job->response.http, "date", text, sizeof text) ||
            clock_parse_http_date(text, &theirs, NULL))
            theirs = 0;
        ours = job->came_at;
    }
    judge_clock(theirs, ours, &f);
    report_add(report, &f);
}

/* Who we are, by which credentials, and where. */
static void report_self(struct examination *e, struct report *report)
{
    struct finding credentials = {.check = "credentials", .subject = ""};
    struct finding region = {.check = "region", .subject = ""};
    const struct job *first = &e->jobs[0];
    if (first->failed || sts_caller_identity_read(&first->response, &e->caller, NULL))
        e->caller = (struct sts_identity){0};
    finding_set(&credentials, VERDICT_OK, "from %s", aws_credentials_source(e->aws));
    report_add(report, &credentials);
    report_job(e, first, report);
    judge_region(e->in, aws_region(e->aws), &region);
    report_add(report, &region);
}

/* Silence would look as if they had been found allowed. */
static void report_untested(struct report *report)
{
    struct finding f = {.check = "left out", .subject = ""};
    finding_set(&f, VERDICT_OK,
                "states:StartExecution and ecs:StopTask are not tested, for asking would start or "
                "stop something: the first run and the first cancel tell");
    report_add(report, &f);
}

static int report_all(struct examination *e, const struct aws_options *options,
                      struct report *report, struct error *err)
{
    report_self(e, report);
    if (report_endpoints(e, options, report, err))
        return -1;
    report_clock(e, report);
    for (size_t i = 1; i < e->count; i++)
        report_job(e, &e->jobs[i], report);
    report_untested(report);
    return 0;
}

int examine(struct aws *aws, const struct aws_options *options, const struct installation *in,
            struct report *report, struct error *err)
{
    struct examination e = {.in = in, .aws = aws};
    int rc = ask_all(&e, err);
    if (!rc)
        rc = report_all(&e, options, report, err);
    for (size_t i = 0; i < e.count; i++)
        aws_response_free(&e.jobs[i].response);
    return rc;
}
