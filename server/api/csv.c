#include "server/api/csv.h"

#include "lib/base/clock.h"
#include "lib/json/json_write.h"

#include <inttypes.h>
#include <string.h>

/* What a formula begins with, for the programs that people open such files with. */
static bool is_formula(const char *text)
{
    return *text && strchr("=+-@\t\r\n", *text) != NULL;
}

static bool needs_quotes(const char *text)
{
    const size_t len = strlen(text);
    return strpbrk(text, ",\"\r\n'") != NULL || is_formula(text) ||
           (len && (text[0] == ' ' || text[len - 1] == ' '));
}

void csv_text(struct buf *out, const char *text)
{
    if (!text)
        return;
    if (!needs_quotes(text)) {
        buf_adds(out, text);
        return;
    }
    buf_addc(out, '"');
    if (is_formula(text))
        buf_addc(out, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            buf_addc(out, '"');
        buf_addc(out, *p);
    }
    buf_addc(out, '"');
}

/* A field behind another one. */
static void add_text(struct buf *out, const char *text)
{
    buf_addc(out, ',');
    csv_text(out, text);
}

static void add_time(struct buf *out, int64_t wall)
{
    char text[CLOCK_TEXT_MAX];
    add_text(out, wall ? clock_rfc3339(wall, text) : NULL);
}

/* Negative: none. */
static void add_number(struct buf *out, int64_t value)
{
    buf_addc(out, ',');
    if (value >= 0)
        buf_addf(out, "%" PRId64, value);
}

void csv_head(struct buf *out)
{
    buf_adds(out, "taskName,status,reason,stopCode,stoppedReason,exitCode,attempt,ecsTaskId,"
                  "s3BucketName,objectKey,destinationKey,bytes,startTime,updateTime,"
                  "execTimeInSeconds,createdAt,pullStartedAt,pullStoppedAt,containerStartedAt\r\n");
}

/* In the order of csv_head. */
void csv_task(struct buf *out, const struct store_task *t)
{
    csv_text(out, t->name);
    add_text(out, audit_status_name(t->status));
    add_text(out, t->reason);
    add_text(out, t->stop_code);
    add_text(out, t->stopped_reason);
    add_number(out, t->exit_code);
    add_number(out, t->attempt);
    add_text(out, t->ecs_task_id);
    add_text(out, t->s3_bucket);
    add_text(out, t->object_key);
    add_text(out, t->destination_key);
    add_number(out, t->bytes);
    add_time(out, t->start_time);
    add_time(out, t->update_time);
    buf_addc(out, ',');
    if (t->exec_time_in_seconds >= 0)
        json_number_text(out, t->exec_time_in_seconds);
    add_time(out, t->created_at);
    add_time(out, t->pull_started_at);
    add_time(out, t->pull_stopped_at);
    add_time(out, t->container_started_at);
    buf_adds(out, "\r\n");
}
