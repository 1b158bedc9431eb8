#include "server/local/folder.h"

#include <errno.h>
#include <sys/stat.h>

int local_folder_make(const char *path, struct error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set_errno(err, "cannot make the folder %s", path);
    return 0;
}
