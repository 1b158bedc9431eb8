/* folder: the folders that local services keep their state in. Any thread. Private to server/local.
 */
#ifndef STEPFLEET_LOCAL_FOLDER_H
#define STEPFLEET_LOCAL_FOLDER_H

#include "lib/base/error.h"

/* Makes the folder, for this user alone, unless it is there. Its parent must exist. -1 with the
 * reason. */
int local_folder_make(const char *path, struct error *err);

#endif
