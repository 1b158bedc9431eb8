/* Log files of environments: where a program's standard output and error go, and the last part of
 * them that an invocation's caller may ask for (X-Amz-Log-Type: Tail, 4 KB as in AWS). */
#include "server/local/lambda/lambda_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Two files of this size for each slot at most. */
enum { LOG_BYTES_MAX = 8 * 1024 * 1024 };

int64_t lambda_log_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

/* One file a slot keeps the number of files bounded, one old file their size. */
void lambda_log_open(struct lambda_environment *v)
{
    char old[LAMBDA_PATH_MAX + 8];
    (void)snprintf(v->log_path, sizeof v->log_path, "%s/%s.%d.log", v->lambda->dir,
                   v->function->name, v->slot);
    if (lambda_log_size(v->log_path) < LOG_BYTES_MAX)
        return;
    (void)snprintf(old, sizeof old, "%s.old", v->log_path);
    if (rename(v->log_path, old) != 0)
        log_warn(v->lambda->log, "cannot move a full log away", LOG_STR("path", v->log_path));
}

/* Only up to the size at the time of the call: a chatty program must not keep the reader here. */
void lambda_log_tail(const char *path, int64_t from, size_t max, struct buf *out)
{
    int64_t size = lambda_log_size(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (size - from > (int64_t)max)
        from = size - (int64_t)max;
    char piece[1024];
    ssize_t got = 0;
    do {
        size_t left = size > from ? (size_t)(size - from) : 0;
        got = pread(fd, piece, left < sizeof piece ? left : sizeof piece, from);
        if (got > 0) {
            buf_add(out, piece, (size_t)got);
            from += got;
        }
    } while (got > 0);
    (void)close(fd);
}
