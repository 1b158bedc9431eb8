#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPEN_FOLDERS_MAX = 16 }; /* descriptors that the walk may use; deeper trees only go slower */

void temp_folder_make(char path[TEMP_FOLDER_MAX], const char *name)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(path, TEMP_FOLDER_MAX, "%s/stepfleet-%s-XXXXXX",
                       base && *base ? base : "/tmp", name);
    cr_assert_lt(len, (int)TEMP_FOLDER_MAX, "TMPDIR is too long: %s", base);
    cr_assert_not_null(mkdtemp(path), "cannot make %s", path);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void temp_folder_remove(const char *path)
{
    cr_assert_eq(nftw(path, remove_entry, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS), 0,
                 "cannot remove all of %s", path);
}
