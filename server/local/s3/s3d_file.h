/* s3d_file: the bytes of objects and parts, one plain file each. Private to server/local/s3.
 *
 * A file's name is a random id below two levels of 16 folders (all made when the store
 * opens, so that a write need not), never taken from a key. A file
 * without a row in the index is an orphan; orphans go when the store opens. Any thread. */
#ifndef STEPFLEET_S3D_FILE_H
#define STEPFLEET_S3D_FILE_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { S3_FILE_ID = 33 }; /* 32 hex digits and NUL */

/* A list of ids. Zero-initialise; s3d_ids_free releases it. */
struct s3d_ids {
    char (*list)[S3_FILE_ID];
    size_t count;
    size_t room;
};
/* Appends a copy of the id. */
int s3d_ids_add(struct s3d_ids *ids, const char *id, struct error *err);
/* Releases the list; it is empty and usable afterwards. */
void s3d_ids_free(struct s3d_ids *ids);

/* Whatever is written is nobody's until a row names it: seal the file, then store the row, then
 * remove what the row named before. */
/* `root` is a descriptor of the objects folder. */

/* Makes the folders that are missing. */
int s3d_file_folders(int root, struct error *err);
/* A new empty file; returns its descriptor (read and write) and writes its id, or -1. */
int s3d_file_create(int root, char id[S3_FILE_ID], struct error *err);
/* A second name for a sealed file, whose bytes never change: the copy of a whole object costs no
 * bytes. Returns a descriptor (read only) and writes the new id; -1: it must be copied. */
int s3d_file_link(int root, const char *from, char id[S3_FILE_ID]);
/* Makes the file and its name durable. */
int s3d_file_seal(int root, int fd, const char *id, struct error *err);
/* Opens for reading. -1 with ERR_NOT_FOUND when it is gone. */
int s3d_file_open(int root, const char *id, struct error *err);
/* Removes the file; a failure only leaves an orphan. "" does nothing. */
void s3d_file_remove(int root, const char *id);
/* Removes every file of the list. */
void s3d_files_remove(int root, const struct s3d_ids *ids);
/* Appends `len` bytes of `from`, starting at `offset`, to `to`: in the kernel where it can. */
int s3d_file_copy(int from, uint64_t offset, uint64_t len, int to, struct error *err);
/* Writes all bytes. 0 or an errno. */
int s3d_file_write(int fd, const void *bytes, size_t len);
/* Calls fn with all bytes of the file. */
int s3d_file_read(int fd, int (*fn)(void *ctx, const void *bytes, size_t len, struct error *err),
                  void *ctx, struct error *err);
/* Removes every file whose id is not in `keep` (sorted here). */
int s3d_file_sweep(int root, struct s3d_ids *keep, size_t *removed, struct error *err);

#endif
