#include "server/app/limits.h"

#include <sys/resource.h>

enum {
    FILES_WANTED = 16384,
    FILES_KEPT = 512, /* SQLite, calls to AWS, logs and pipes of tasks */
    CONNECTIONS_MAX = 4096,
    FEEDS_MAX = 2000,
};

static rlim_t smaller(rlim_t a, rlim_t b)
{
    return a < b ? a : b;
}

/* Most systems give 1,024 to programs that do not ask, because of select(), which we do not use. */
static rlim_t raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files))
        return 2 * FILES_KEPT;
    const rlim_t had = files.rlim_cur;
    if (had >= FILES_WANTED)
        return had;
    files.rlim_cur = smaller(files.rlim_max, FILES_WANTED);
    return setrlimit(RLIMIT_NOFILE, &files) ? had : files.rlim_cur;
}

struct limits limits_take(void)
{
    const rlim_t files = raise_files();
    const rlim_t left = files > 2 * FILES_KEPT ? files - FILES_KEPT : files / 2;
    const unsigned connections = (unsigned)smaller(left, CONNECTIONS_MAX);
    return (struct limits){.connections = connections,
                           .feeds = (unsigned)smaller(connections / 2, FEEDS_MAX)};
}
