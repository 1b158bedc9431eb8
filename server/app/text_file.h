/* text_file: a small file as text. Any thread. */
#ifndef STEPFLEET_APP_TEXT_FILE_H
#define STEPFLEET_APP_TEXT_FILE_H

#include "lib/base/buf.h"

/* Appends the whole file ("-": standard input) to `out`, as far as a byte beyond its ceiling: a
 * longer one leaves `out` failed (buf_check). -1 with one sentence when it cannot be read. */
int text_file_read(const char *path, struct buf *out, struct error *err);

#endif
