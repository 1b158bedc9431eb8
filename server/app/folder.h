/* folder: the data folder: made if missing, and held by one server at a time. Owned by the app. */
#ifndef STEPFLEET_APP_FOLDER_H
#define STEPFLEET_APP_FOLDER_H

#include "lib/base/error.h"

#include <limits.h>

struct folder {
    char path[PATH_MAX]; /* absolute */
    int lock_fd;         /* -1: not held */
};

/* -1 with one sentence: cannot be made, not writable, in use by another stepfleet. From then on the
 * process makes files for its own user only (umask). */
int folder_open(struct folder *f, const char *path, struct error *err);
/* Lets the folder go; nothing may write in it any more. */
void folder_close(struct folder *f);
/* folder/name into out; -1 with ERR_ARGUMENT when it is too long. */
int folder_file(const struct folder *f, const char *name, char out[PATH_MAX], struct error *err);

#endif
