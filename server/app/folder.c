/* The data folder and its two locks, which tell a second server and a dying one apart. */
#include "server/app/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHILD_TRIES = 100, CHILD_PAUSE_NS = 10 * 1000 * 1000 };

/* A record lock: it belongs to this process alone. A child that is just being started has copies of
 * our descriptors for a moment; they must not hold the folder when we are killed. */
static int take_lock(int fd, const char *path, struct error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock) == 0)
        return 0;
    if (errno != EACCES && errno != EAGAIN)
        return err_set_errno(err, "cannot lock the data folder %s", path);
    pid_t holder = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
    return err_set(
        err, ERR_CONFLICT,
        "the data folder %s is in use by another stepfleet (process %ld): stop that one, or "
        "choose another folder with --data",
        path, (long)holder);
}

/* Such a child of a killed server also has its listening sockets, until it is scheduled and sees
 * that its parent is gone. This lock is of the other kind, which children share: when it is free,
 * so are the ports. After a second the ports will have to tell. */
static void wait_for_children(int fd)
{
    const struct timespec pause = {0, CHILD_PAUSE_NS};
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0 && i < CHILD_TRIES; i++)
        (void)nanosleep(&pause, NULL);
}

/* Private to this user: the folder holds specs and, in local mode, all objects. One that was there
 * before may be open to others; what is made in it is not, whoever makes it (SQLite asks for no
 * mode of its own). */
int folder_open(struct folder *f, const char *path, struct error *err)
{
    char lock[PATH_MAX];
    f->lock_fd = -1;
    (void)umask(S_IRWXG | S_IRWXO);
    if (mkdir(path, 0700) && errno != EEXIST)
        return err_set_errno(err, "cannot make the data folder %s", path);
    if (!realpath(path, f->path))
        return err_set_errno(err, "cannot use the data folder %s", path);
    if (folder_file(f, ".lock", lock, err))
        return -1;
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, "cannot write in the data folder %s", f->path);
    if (take_lock(fd, f->path, err)) {
        close(fd);
        return -1;
    }
    wait_for_children(fd);
    f->lock_fd = fd;
    return 0;
}

void folder_close(struct folder *f)
{
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    f->lock_fd = -1;
}

int folder_file(const struct folder *f, const char *name, char out[PATH_MAX], struct error *err)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", f->path, name);
    if (n < 0 || n >= PATH_MAX)
        return err_set(err, ERR_ARGUMENT, "the path of the data folder is too long");
    return 0;
}
