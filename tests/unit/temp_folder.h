/* temp_folder: a folder of its own for a test, below $TMPDIR or /tmp. For the tests' one thread. */
#ifndef STEPFLEET_TESTS_TEMP_FOLDER_H
#define STEPFLEET_TESTS_TEMP_FOLDER_H

enum { TEMP_FOLDER_MAX = 200 };

/* Makes the folder <base>/<name>-XXXXXX and writes its path into `path`; `name` tells in a listing
 * whose it is. Any failure ends the test. */
void temp_folder_make(char path[TEMP_FOLDER_MAX], const char *name);
/* Removes it with all that is in it; does not follow links. What cannot be removed ends the test.
 */
void temp_folder_remove(const char *path);

#endif
