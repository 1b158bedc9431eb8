/* page: the status page's files, embedded in the binary. Any thread. */
#ifndef STEPFLEET_ROUTES_PAGE_H
#define STEPFLEET_ROUTES_PAGE_H

#include "lib/http_server/http_server.h"
#include "server/embed/embed.h"

/* The file that a path of the page names ("/", "/static/app-<hash>.js" ...), NULL if there is none.
 */
const struct embedded *page_find(const char *path);
/* Answers GET and HEAD, by gzip where it is accepted, with ETag, cache rules and a strict
 * Content-Security-Policy; other methods 405. */
void page_reply(struct http_exchange *x, const struct embedded *file);

#endif
