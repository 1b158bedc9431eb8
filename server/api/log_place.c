#include "server/api/log_place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { URL_MAX = 4096 };

/* Letters, digits and what a name of AWS may have besides: nothing that a URL would read otherwise.
 */
static bool is_plain(const char *text, size_t len, const char *more)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    for (size_t i = 0; i < len; i++)
        if (!text[i] || (!strchr(plain, text[i]) && !strchr(more, text[i])))
            return false;
    return len > 0;
}

/* The region in arn:aws:states:REGION:ACCOUNT:...; its length, 0 if there is none. */
static size_t region_of(const char *arn, const char **region)
{
    static const char head[] = "arn:aws:states:";
    *region = arn + strlen(head);
    return strncmp(arn, head, strlen(head)) == 0 ? strcspn(*region, ":") : 0;
}

/* The console reads what follows its '#' with '$' for '%', and a slash as escaped twice. */
static void add_escaped(struct buf *url, const char *text)
{
    for (; *text; text++)
        if (strchr("/.#", *text))
            buf_addf(url, "$25%02X", (unsigned char)*text);
        else
            buf_addc(url, *text);
}

/* The prefix is the one of the deployment's task definition. */
static void write_stream(struct json_writer *w, const struct log_place *p, const char *region,
                         int len)
{
    char stream[LOG_PLACE_TEXT_MAX + LOG_PLACE_ID_MAX + 8];
    struct buf url;
    (void)snprintf(stream, sizeof stream, "task/%s/%s", p->container, p->ecs_id);
    buf_init(&url, URL_MAX);
    buf_addf(&url,
             "https://%.*s.console.aws.amazon.com/cloudwatch/home?region=%.*s"
             "#logsV2:log-groups/log-group/",
             len, region, len, region);
    add_escaped(&url, p->group);
    buf_adds(&url, "/log-events/");
    add_escaped(&url, stream);
    jw_str(w, "url", buf_str(&url));
    jw_str(w, "group", p->group);
    jw_str(w, "stream", stream);
    buf_free(&url);
}

/* ECS's console shows a task's log whatever its group is. */
static void write_console(struct json_writer *w, const struct log_place *p, const char *cluster,
                          const char *region, int len)
{
    struct buf url;
    buf_init(&url, URL_MAX);
    buf_addf(&url,
             "https://%.*s.console.aws.amazon.com/ecs/v2/clusters/%s/tasks/%s/logs?region=%.*s",
             len, region, cluster, p->ecs_id, len, region);
    jw_str(w, "url", buf_str(&url));
    jw_null(w, "group");
    jw_null(w, "stream");
    buf_free(&url);
}

/* A cluster may be given by its ARN. What is no name of AWS makes no address. */
static void write_cloudwatch(struct json_writer *w, const char *name, const struct log_place *p)
{
    const char *region;
    size_t len = region_of(p->arn, &region);
    const char *slash = strrchr(p->cluster, '/');
    const char *cluster = slash ? slash + 1 : p->cluster;
    bool group = p->group && is_plain(p->group, strlen(p->group), "/.#") &&
                 is_plain(p->container, strlen(p->container), "");
    if (!is_plain(region, len, "") || !(group || is_plain(cluster, strlen(cluster), ""))) {
        jw_null(w, name);
        return;
    }
    jw_object(w, name);
    jw_str(w, "kind", "cloudwatch");
    if (group)
        write_stream(w, p, region, (int)len);
    else
        write_console(w, p, cluster, region, (int)len);
    jw_end_object(w);
}

static void write_file(struct json_writer *w, const char *name, const struct log_place *p)
{
    char path[LOG_PLACE_ID_MAX + 32];
    struct buf url;
    buf_init(&url, BUF_MAX_LINE);
    buf_addf(&url, "/workflows/%" PRId64 "/tasks/", p->call->run_id);
    buf_add(&url, p->call->name, p->call->name_len);
    buf_adds(&url, "/log");
    (void)snprintf(path, sizeof path, "aws/ecs/logs/%s.log", p->ecs_id);
    jw_object(w, name);
    jw_str(w, "kind", "file");
    jw_str(w, "url", buf_str(&url));
    jw_str(w, "path", path);
    jw_end_object(w);
    buf_free(&url);
}

void log_place_write(struct json_writer *w, const char *name, const struct log_place *p)
{
    if (!p->ecs_id[0])
        jw_null(w, name);
    else if (p->call->sv->task_logs)
        write_file(w, name, p);
    else
        write_cloudwatch(w, name, p);
}
