/* server/app: the data folder. */
#include "server/app/folder.h"

#include "lib/db/db.h"
#include "tests/unit/temp_folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

static void expect_private(const struct folder *f, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    cr_assert_eq(folder_file(f, name, path, NULL), 0);
    cr_assert_eq(stat(path, &st), 0, "%s", name);
    cr_expect_eq(st.st_mode & (S_IRWXG | S_IRWXO), 0, "%s has the mode %o", name,
                 (unsigned)st.st_mode);
}

/* As a package or an administrator makes it: readable for everybody. */
Test(app_folder, what_is_made_in_a_folder_of_others_is_private)
{
    char dir[TEMP_FOLDER_MAX], path[PATH_MAX];
    struct folder f;
    struct error err = {0};
    (void)umask(S_IWGRP | S_IWOTH);
    temp_folder_make(dir, "folder");
    cr_assert_eq(chmod(dir, 0755), 0);
    cr_assert_eq(folder_open(&f, dir, &err), 0, "%s", err.message);
    cr_assert_eq(folder_file(&f, "stepfleet.db", path, &err), 0);
    struct db *db = db_open(path, DB_READ_WRITE, &err);
    cr_assert_not_null(db, "%s", err.message);
    cr_assert_eq(db_exec(db, "CREATE TABLE t(x)", &err), 0, "%s", err.message);
    expect_private(&f, ".lock");
    expect_private(&f, "stepfleet.db");
    expect_private(&f, "stepfleet.db-wal");
    db_close(db);
    folder_close(&f);
    temp_folder_remove(dir);
}

Test(app_folder, a_folder_that_was_let_go_can_be_opened_again)
{
    char dir[TEMP_FOLDER_MAX];
    struct folder f;
    struct error err = {0};
    temp_folder_make(dir, "folder");
    cr_assert_eq(folder_open(&f, dir, &err), 0, "%s", err.message);
    expect_private(&f, ".lock");
    folder_close(&f);
    cr_assert_eq(folder_open(&f, dir, &err), 0, "it cannot be opened again: %s", err.message);
    folder_close(&f);
    temp_folder_remove(dir);
}
