/* What a good answer must say. */
#include "server/doctor/judge.h"

#include "lib/aws/dynamodb.h"
#include "lib/aws/sts.h"
#include "lib/json/json_read.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCK_GOOD_SECONDS = 60 };

void finding_set(struct finding *f, enum verdict verdict, const char *fmt, ...)
{
    va_list args;
    f->verdict = verdict;
    va_start(args, fmt);
    (void)vsnprintf(f->found, sizeof f->found, fmt, args);
    va_end(args);
}

void finding_remedy(struct finding *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(f->remedy, sizeof f->remedy, fmt, args);
    va_end(args);
}

/* An answer that cannot be understood. */
static void damaged(struct finding *f, const char *why)
{
    finding_set(f, VERDICT_FAIL, "%s", why);
    finding_remedy(f, "is that AWS? see the endpoints");
}

void judge_caller(const struct installation *in, int i, const struct aws_response *response,
                  struct finding *f)
{
    struct sts_identity who;
    struct error err = {0};
    (void)in;
    (void)i;
    if (sts_caller_identity_read(response, &who, &err))
        damaged(f, err.message);
    else
        finding_set(f, VERDICT_OK, "%s in account %s", who.arn, who.account);
}

void judge_machine(const struct installation *in, int i, const struct aws_response *response,
                   struct finding *f)
{
    const char *status = json_str(response->json, "status", "");
    const char *type = json_str(response->json, "type", "STANDARD");
    (void)in;
    finding_set(f, VERDICT_OK, "%s, %s", status, type);
    if (strcmp(status, "ACTIVE") != 0) {
        f->verdict = VERDICT_FAIL;
        finding_remedy(f, "deploy it again: make deploy PATTERN=%d", i + 1);
    } else if (strcmp(type, "STANDARD") != 0) {
        f->verdict = VERDICT_FAIL;
        finding_remedy(f, "only state machines of type STANDARD keep a history: deploy it as such");
    }
}

/* What a key must be: its name as the spec has it, its type as the rows have it. */
static bool key_fits(const struct dynamodb_key *key, const char *name, const char *type)
{
    return strcmp(key->name, name) == 0 && strcmp(key->type, type) == 0;
}

static void judge_table(const struct dynamodb_table *t, int i, const struct dynamodb_key *hash,
                        const struct dynamodb_key *range, struct finding *f)
{
    bool busy = strcmp(t->status, "CREATING") == 0 || strcmp(t->status, "UPDATING") == 0;
    if (!key_fits(&t->hash, hash->name, hash->type) ||
        !key_fits(&t->range, range->name, range->type)) {
        finding_set(f, VERDICT_FAIL, "its keys are %s (%s) and %s (%s), not %s (%s) and %s (%s)",
                    t->hash.name, t->hash.type, t->range.name, t->range.type, hash->name,
                    hash->type, range->name, range->type);
        finding_remedy(f,
                       "a table keeps its keys for ever: name its keys in the spec, or deploy a "
                       "new one (make deploy PATTERN=%d)",
                       i + 1);
        return;
    }
    finding_set(f, VERDICT_OK, "%s, keys as they must be, stream %s", t->status,
                t->stream ? t->stream : "off");
    if (strcmp(t->status, "ACTIVE") == 0)
        return;
    f->verdict = busy ? VERDICT_WARN : VERDICT_FAIL;
    finding_remedy(f, busy ? "wait until it is ACTIVE" : "deploy it again: make deploy PATTERN=%d",
                   i + 1);
}

static void take_table(const struct aws_response *response, int i, const struct dynamodb_key *hash,
                       const struct dynamodb_key *range, struct finding *f)
{
    struct dynamodb_table table;
    struct error err = {0};
    if (dynamodb_table_read(response, &table, &err))
        damaged(f, err.message);
    else
        judge_table(&table, i, hash, range, f);
}

void judge_summary_table(const struct installation *in, int i, const struct aws_response *response,
                         struct finding *f)
{
    const struct spec *s = in->specs[i];
    take_table(response, i, &(struct dynamodb_key){s->summary_hash_key, "S"},
               &(struct dynamodb_key){s->summary_range_key, "N"}, f);
}

void judge_details_table(const struct installation *in, int i, const struct aws_response *response,
                         struct finding *f)
{
    const struct spec *s = in->specs[i];
    take_table(response, i, &(struct dynamodb_key){s->details_hash_key, "N"},
               &(struct dynamodb_key){s->details_range_key, "S"}, f);
}

void judge_definition(const struct installation *in, int i, const struct aws_response *response,
                      struct finding *f)
{
    const char *name = in->specs[i]->container_name;
    const json_t *definition = json_object_get(response->json, "taskDefinition");
    const char *status = json_str(definition, "status", "");
    bool has = false;
    size_t k;
    const json_t *container;
    json_array_foreach (json_object_get(definition, "containerDefinitions"), k, container) {
        has = has || strcmp(json_str(container, "name", ""), name) == 0;
    }
    finding_set(f, VERDICT_OK, "%s, revision %" PRId64 ", container %s", status,
                json_int(definition, "revision", 0), name);
    if (strcmp(status, "ACTIVE") != 0) {
        f->verdict = VERDICT_FAIL;
        finding_remedy(f, "name an active revision, or deploy it again: make deploy PATTERN=%d",
                       i + 1);
    } else if (!has) {
        finding_set(f, VERDICT_FAIL, "it has no container %s", name);
        finding_remedy(f,
                       "containerName must be one of its containers: deploy it again with make "
                       "deploy PATTERN=%d",
                       i + 1);
    }
}

/* The fourth part of an ARN. */
static bool is_region_of(const char *arn, const char *region)
{
    for (int i = 0; i < 3 && arn; i++) {
        arn = strchr(arn, ':');
        arn = arn ? arn + 1 : NULL;
    }
    size_t len = strlen(region);
    return !arn || (strncmp(arn, region, len) == 0 && arn[len] == ':');
}

void judge_region(const struct installation *in, const char *region, struct finding *f)
{
    finding_set(f, VERDICT_OK, "%s, from %s", region, in->region_from);
    for (int i = 0; i < PATTERNS; i++) {
        if (!in->arns[i] || is_region_of(in->arns[i], region))
            continue;
        f->verdict = VERDICT_FAIL;
        finding_remedy(f,
                       "%.300s is in another one: set AWS_REGION to it, or leave AWS_REGION out "
                       "and give --outputs",
                       in->arns[i]);
    }
}

/* AWS refuses signatures of more than five minutes ago; the client then signs with AWS's time. */
void judge_clock(int64_t theirs, int64_t ours, struct finding *f)
{
    int64_t seconds = (ours - theirs) / CLOCK_SECOND;
    if (theirs == 0) {
        finding_set(f, VERDICT_WARN, "no service has told the time");
        finding_remedy(f, "see the endpoints");
    } else if (llabs(seconds) < CLOCK_GOOD_SECONDS) {
        finding_set(f, VERDICT_OK, "as the service's, to the minute");
    } else {
        finding_set(f, VERDICT_WARN, "%" PRId64 " s %s the service's", (int64_t)llabs(seconds),
                    seconds > 0 ? "ahead of" : "behind");
        finding_remedy(f, "set this machine's clock (NTP): requests are signed with the service's "
                          "time, but times in tables and page are off");
    }
}
