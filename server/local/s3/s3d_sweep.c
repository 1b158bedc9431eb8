/* Removing the files that no row knows: what a crash left between file and row. */
#include "server/local/s3/s3d_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEVELS = 3 }; /* two levels of folders, then files */

/* For qsort and bsearch over rows of S3_FILE_ID characters. */
static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* One sweep at opening, before anybody may write. */
struct sweep {
    const struct s3d_ids *keep;
    size_t removed;
    struct error *err;
};

static int sweep_folder(struct sweep *s, int parent, const char *name, int level);

/* A file in the last level, a folder in the others. */
static int sweep_entry(struct sweep *s, DIR *folder, const char *name, int level)
{
    if (level < LEVELS)
        return sweep_folder(s, dirfd(folder), name, level);
    if (s->keep->count &&
        bsearch(name, s->keep->list, s->keep->count, sizeof *s->keep->list, compare_ids))
        return 0;
    if (unlinkat(dirfd(folder), name, 0))
        return err_set_errno(s->err, "removing the left-over file %s", name);
    s->removed++;
    return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): LEVELS deep. */
static int sweep_folder(struct sweep *s, int parent, const char *name, int level)
{
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        const int failure = errno;
        if (fd >= 0)
            (void)close(fd);
        errno = failure;
        return err_set_errno(s->err, "reading the objects folder %s", name);
    }
    int rc = 0;
    const struct dirent *entry;
    while (!rc && (errno = 0, entry = readdir(folder))) {
        if (entry->d_name[0] != '.')
            rc = sweep_entry(s, folder, entry->d_name, level + 1);
    }
    if (!rc && errno)
        rc = err_set_errno(s->err, "reading the objects folder %s", name);
    (void)closedir(folder);
    return rc;
}

int s3d_file_sweep(int root, struct s3d_ids *keep, size_t *removed, struct error *err)
{
    struct sweep s = {.keep = keep, .err = err};
    if (keep->count)
        qsort(keep->list, keep->count, sizeof *keep->list, compare_ids);
    const int rc = sweep_folder(&s, root, ".", 0);
    *removed = s.removed;
    return rc;
}
