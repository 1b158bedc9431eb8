/* Reading by parts, so that a file without an end is given up at the buffer's ceiling. */
#include "server/app/text_file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int text_file_read(const char *path, struct buf *out, struct error *err)
{
    char part[16384];
    ssize_t n;
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, "cannot read %s", path);
    while ((n = read(fd, part, sizeof part)) > 0 && !buf_check(out, NULL))
        buf_add(out, part, (size_t)n);
    int rc = n < 0 ? err_set_errno(err, "cannot read %s", path) : 0;
    close(fd);
    return rc;
}
