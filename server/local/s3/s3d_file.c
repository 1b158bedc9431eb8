/* Files under random ids. The order of a write is: file, its folder, then the row that names it.
 *
 * Files are never changed once they are sealed: a new object is a new file, and readers keep the
 * one they have opened. So no lock guards them. */
#include "server/local/s3/s3d_file.h"

#include "lib/crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A copy goes in steps of 1 GB in the kernel, or of 256 KB by hand. */
enum { PATH_SIZE = 48, PIECE = 256 * 1024, COPY_STEP = 1 << 30 };

int s3d_ids_add(struct s3d_ids *ids, const char *id, struct error *err)
{
    if (ids->count == ids->room) {
        const size_t room = ids->room ? ids->room * 2 : 16;
        void *list = reallocarray(ids->list, room, sizeof *ids->list);
        if (!list)
            return err_set(err, ERR_MEMORY, "out of memory");
        ids->list = list;
        ids->room = room;
    }
    (void)snprintf(ids->list[ids->count++], S3_FILE_ID, "%s", id);
    return 0;
}

void s3d_ids_free(struct s3d_ids *ids)
{
    free(ids->list);
    *ids = (struct s3d_ids){0};
}

/* "a/b", and "a/b/abcd...". */
static void folder_path(const char *id, char out[PATH_SIZE])
{
    (void)snprintf(out, PATH_SIZE, "%c/%c", id[0], id[1]);
}

/* Below its folder, the whole id once more. */
static void file_path(const char *id, char out[PATH_SIZE])
{
    (void)snprintf(out, PATH_SIZE, "%c/%c/%s", id[0], id[1], id);
}

/* A new name is durable when its folder was synced. */
static int sync_folder(int root, const char *path, struct error *err)
{
    const int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, "opening objects/%s", path);
    int rc = fsync(fd);
    if (rc)
        rc = err_set_errno(err, "syncing objects/%s", path);
    (void)close(fd);
    return rc;
}

/* `made` is set when it was not there before. */
static int make_folder(int root, const char *path, bool *made, struct error *err)
{
    if (mkdirat(root, path, 0700) == 0)
        *made = true;
    else if (errno != EEXIST)
        return err_set_errno(err, "making objects/%s", path);
    return 0;
}

int s3d_file_folders(int root, struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    bool upper = false;
    for (const char *a = digits; *a; a++) {
        const char first[] = {*a, '\0'};
        bool lower = false;
        if (make_folder(root, first, &upper, err))
            return -1;
        for (const char *b = digits; *b; b++) {
            const char both[] = {*a, '/', *b, '\0'};
            if (make_folder(root, both, &lower, err))
                return -1;
        }
        if (lower && sync_folder(root, first, err))
            return -1;
    }
    return upper ? sync_folder(root, ".", err) : 0;
}

static int random_id(char id[S3_FILE_ID], struct error *err)
{
    unsigned char random[(S3_FILE_ID - 1) / 2];
    if (crypto_random(random, sizeof random, err))
        return -1;
    crypto_hex(random, sizeof random, id);
    return 0;
}

/* O_EXCL: a clash of random ids would be a broken generator, not bad luck. */
int s3d_file_create(int root, char id[S3_FILE_ID], struct error *err)
{
    char path[PATH_SIZE];
    if (random_id(id, err))
        return -1;
    file_path(id, path);
    const int fd = openat(root, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd < 0 ? err_set_errno(err, "creating objects/%s", path) : fd;
}

/* The file may have been removed meanwhile, or have as many names as its file system permits. */
int s3d_file_link(int root, const char *from, char id[S3_FILE_ID])
{
    char old[PATH_SIZE], path[PATH_SIZE];
    if (random_id(id, NULL))
        return -1;
    file_path(from, old);
    file_path(id, path);
    if (linkat(root, old, root, path, 0))
        return -1;
    const int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        (void)unlinkat(root, path, 0);
    return fd;
}

/* The bytes first, then the name: a name without bytes would be worse than neither. */
int s3d_file_seal(int root, int fd, const char *id, struct error *err)
{
    char path[PATH_SIZE];
    if (fsync(fd))
        return err_set_errno(err, "syncing the file of an object");
    folder_path(id, path);
    return sync_folder(root, path, err);
}

int s3d_file_open(int root, const char *id, struct error *err)
{
    char path[PATH_SIZE];
    file_path(id, path);
    const int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (errno == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "objects/%s is gone", path);
    return err_set_errno(err, "opening objects/%s", path);
}

/* Not synced: a removal that a crash undoes leaves an orphan. */
void s3d_file_remove(int root, const char *id)
{
    char path[PATH_SIZE];
    if (!*id)
        return;
    file_path(id, path);
    (void)unlinkat(root, path, 0);
}

void s3d_files_remove(int root, const struct s3d_ids *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        s3d_file_remove(root, ids->list[i]);
}

int s3d_file_write(int fd, const void *data, size_t len)
{
    const char *bytes = data;
    while (len) {
        const ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* For file systems that cannot copy by themselves. */
static int copy_by_hand(int from, uint64_t offset, uint64_t len, int to, struct error *err)
{
    char *piece = malloc(PIECE);
    int rc = piece ? 0 : err_set(err, ERR_MEMORY, "copying an object: out of memory");
    while (len && !rc) {
        const ssize_t n = pread(from, piece, len < PIECE ? (size_t)len : PIECE, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = err_set_errno(err, "reading an object's file");
        } else if (n == 0) {
            rc = err_set(err, ERR_INTERNAL, "an object's file is shorter than its row says");
        } else {
            errno = s3d_file_write(to, piece, (size_t)n);
            if (errno)
                rc = err_set_errno(err, "writing an object's file");
            offset += (uint64_t)n;
            len -= (uint64_t)n;
        }
    }
    free(piece);
    return rc;
}

/* copy_file_range shares blocks on file systems that can and moves whole pages on others. The
 * errors it has for file systems that cannot do it at all lead to the copy by hand. */
int s3d_file_copy(int from, uint64_t offset, uint64_t len, int to, struct error *err)
{
    loff_t at = (loff_t)offset;
    while (len) {
        const ssize_t n =
            copy_file_range(from, &at, to, NULL, len < COPY_STEP ? (size_t)len : COPY_STEP, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
            return err_set_errno(err, "copying an object's file");
        if (n <= 0)
            return copy_by_hand(from, (uint64_t)at, len, to, err);
        len -= (uint64_t)n;
    }
    return 0;
}

/* By pread: the descriptor's position stays where writing left it. */
int s3d_file_read(int fd, int (*fn)(void *ctx, const void *bytes, size_t len, struct error *err),
                  void *ctx, struct error *err)
{
    char *piece = malloc(PIECE);
    off_t at = 0;
    ssize_t n = 1;
    int rc = piece ? 0 : err_set(err, ERR_MEMORY, "reading an object: out of memory");
    while (!rc && n) {
        n = pread(fd, piece, PIECE, at);
        if (n < 0 && errno != EINTR)
            rc = err_set_errno(err, "reading an object's file");
        if (n > 0) {
            rc = fn(ctx, piece, (size_t)n, err);
            at += n;
        }
    }
    free(piece);
    return rc;
}
