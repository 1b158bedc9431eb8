/* What app/folder and the store would find, without making, locking or migrating anything. */
#include "server/doctor/data_folder.h"

#include "server/store/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder above, where it would be made. */
static void judge_parent(const char *path, struct finding *f)
{
    char parent[PATH_MAX];
    size_t len = strlen(path);
    while (len && path[len - 1] == '/')
        len--;
    while (len && path[len - 1] != '/')
        len--;
    (void)snprintf(parent, sizeof parent, "%.*s", len ? (int)len : 1, len ? path : ".");
    if (access(parent, W_OK | X_OK) == 0) {
        finding_set(f, VERDICT_OK, "not there yet, serve makes it");
        return;
    }
    finding_set(f, VERDICT_FAIL, "not there, and %s: %s", parent, strerror(errno));
    finding_remedy(f, "make it, or name another one: --data DIR (STEPFLEET_DATA)");
}

/* The schema of the database in it. */
static void judge_schema(const char *path, struct finding *f)
{
    char file[PATH_MAX];
    struct store_schema schema;
    struct error err = {0};
    int n = snprintf(file, sizeof file, "%s/stepfleet.db", path);
    if (n < 0 || n >= (int)sizeof file || access(file, F_OK) != 0) {
        finding_set(f, VERDICT_OK, "writable, no database yet");
    } else if (store_schema_read(file, &schema, &err)) {
        finding_set(f, VERDICT_FAIL, "%s", err.message);
        finding_remedy(f, "a server finds the runs again in AWS: move the file away and start it");
    } else if (schema.version > schema.known) {
        finding_set(f, VERDICT_FAIL, "schema %d is newer than this program's %d", schema.version,
                    schema.known);
        finding_remedy(f, "run the newer version, or use another folder: --data DIR");
    } else {
        finding_set(f, VERDICT_OK, "writable, schema %d%s", schema.version,
                    schema.version < schema.known ? ", serve brings it up to date" : "");
    }
}

void data_folder_judge(const char *path, struct finding *f)
{
    struct stat st;
    if (stat(path, &st) != 0 && errno == ENOENT) {
        judge_parent(path, f);
    } else if (stat(path, &st) != 0 || access(path, R_OK | W_OK | X_OK) != 0) {
        finding_set(f, VERDICT_FAIL, "not writable for this user: %s", strerror(errno));
        finding_remedy(f,
                       "make user %ld its owner, or name another one: --data DIR "
                       "(STEPFLEET_DATA)",
                       (long)geteuid());
    } else if (!S_ISDIR(st.st_mode)) {
        finding_set(f, VERDICT_FAIL, "not a folder");
        finding_remedy(f, "name a folder: --data DIR (STEPFLEET_DATA)");
    } else {
        judge_schema(path, f);
    }
}
