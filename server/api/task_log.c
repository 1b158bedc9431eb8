/* GET /workflows/{id}/tasks/{name}/log: the end of what a local task has written. In an account the
 * log is in CloudWatch, and the task tells where. */
#include "lib/base/buf.h"
#include "server/api/api.h"
#include "server/api/problem.h"
#include "server/api/query.h"
#include "server/api/task_path.h"
#include "server/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL_DEFAULT = 16 * 1024, TAIL_MAX = 64 * 1024, ID_MAX = 64 };

/* Whose log it is. */
struct writer_of {
    char id[ID_MAX]; /* of the ECS task; "" */
    int64_t seq;
    bool rowless;
};

/* The file's name is made of the id that ECS gave, nothing else gets into it. */
static void copy_id(struct writer_of *w, const char *id)
{
    if (store_is_ecs_id(id))
        (void)snprintf(w->id, sizeof w->id, "%s", id);
}

static void read_task(void *ctx, const struct store_task *task)
{
    struct writer_of *w = ctx;
    w->seq = task->seq;
    w->rowless = !task->ecs_task_id;
    copy_id(w, task->ecs_task_id);
}

static void read_description(void *ctx, const struct store_description *d)
{
    copy_id(ctx, d->ecs_task_id);
}

/* The task that its row names; before there is a row, the one that ECS has for it. */
static int find_writer(const struct api_call *call, struct writer_of *w, struct error *err)
{
    if (task_path_get(call, read_task, w, err))
        return -1;
    if (!w->rowless)
        return 0;
    return store_description_get(call->sv->store, call->run_id, w->seq, NULL, read_description, w,
                                 err);
}

/* Why there is none, and what to do instead. */
static int no_log(const struct api_call *call, const char *id, struct error *err)
{
    if (!*id)
        return err_set(err, ERR_NOT_FOUND,
                       "no ECS task is known to be this task's, so it has no log: its row names "
                       "one when it starts, ECS some seconds after its launch, else its reason "
                       "tells why it did not start");
    if (!call->sv->task_logs)
        return err_set(err, ERR_NOT_FOUND,
                       "this server keeps no logs: the log of ECS task %s is in CloudWatch, the "
                       "member log of the task has the address",
                       id);
    return err_set(
        err, ERR_NOT_FOUND,
        "there is no log of ECS task %s any more: logs of tasks that stopped long ago are "
        "removed",
        id);
}

/* A regular file in that folder, and not what a link points to. -1 with errno. */
static int open_below(const char *folder, const char *id)
{
    char name[ID_MAX + 8];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s.log", id);
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int why = errno;
    (void)close(dir);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        (void)close(fd);
        fd = -1;
        why = ELOOP;
    }
    errno = why;
    return fd;
}

/* The last `max` bytes; the file may grow meanwhile. -1 with errno. */
static ssize_t read_tail(int fd, char *out, size_t max, bool *cut)
{
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > (off_t)max ? size - (off_t)max : 0;
    size_t len = 0;
    *cut = from > 0;
    while (size >= 0 && len < max) {
        ssize_t n = pread(fd, out + len, max - len, from + (off_t)len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -1 : (ssize_t)len;
        len += (size_t)n;
    }
    return size < 0 ? -1 : (ssize_t)len;
}

/* What is left of the first line when its beginning was cut off is not shown, unless it is all. */
static const char *whole_lines(const char *text, size_t *len)
{
    const char *end = memchr(text, '\n', *len);
    if (!end || (size_t)(end + 1 - text) == *len)
        return text;
    *len -= (size_t)(end + 1 - text);
    return end + 1;
}

static int reply_tail(const struct api_call *call, const char *id, int64_t max, struct error *err)
{
    char text[TAIL_MAX];
    bool cut = false;
    int fd = *id && call->sv->task_logs ? open_below(call->sv->task_logs, id) : -1;
    if (fd < 0)
        return no_log(call, id, err);
    ssize_t n = read_tail(fd, text, (size_t)max, &cut);
    if (n < 0)
        (void)err_set_errno(err, "the log of ECS task %s cannot be read", id);
    (void)close(fd);
    if (n < 0)
        return -1;
    size_t len = (size_t)n;
    const char *shown = cut ? whole_lines(text, &len) : text;
    http_add_header(call->x, "Cache-Control", "no-store");
    http_add_header(call->x, "X-Log-Cut", cut ? "true" : "false");
    http_reply(call->x, 200, "text/plain; charset=utf-8", shown, len);
    return 0;
}

void api_task_log(struct api_call *call)
{
    static const char *const known[] = {"tail"};
    struct writer_of writer = {0};
    int64_t max = TAIL_DEFAULT;
    struct error err = {0};
    int rc = query_only(call->x, known, 1, &err);
    if (!rc)
        rc = query_int(call->x, "tail", 1, TAIL_MAX, &max, &err);
    if (!rc)
        rc = find_writer(call, &writer, &err);
    if (!rc)
        rc = reply_tail(call, writer.id, max, &err);
    if (rc)
        problem_reply(call->x, &err, NULL);
}
