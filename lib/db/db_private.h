/* db_private: what the files of lib/db share. Nobody outside lib/db includes it. */
#ifndef STEPFLEET_DB_PRIVATE_H
#define STEPFLEET_DB_PRIVATE_H

#include "lib/db/db.h"

#include <sqlite3.h>

struct db {
    sqlite3 *handle;
    char *path;
    enum db_mode mode;
};

/* Turns an SQLite result into err, in the words of lib/db/db.h; `doing` names the action
 * ("commit"). Always returns -1. */
int db_fail(const struct db *db, int rc, const char *doing, struct error *err);

#endif
