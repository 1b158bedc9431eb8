/* limits: how many connections this process can hold. Any thread. */
#ifndef STEPFLEET_APP_LIMITS_H
#define STEPFLEET_APP_LIMITS_H

struct limits {
    unsigned connections; /* of the REST port */
    unsigned feeds;       /* among them, connections that stay open to be told of changes */
};

/* Raises the soft limit of open files as far as it may, and divides what it is then: part is kept
 * for files and for calls of our own, and at most half of the connections are feeds, so that other
 * requests are always answered. */
struct limits limits_take(void);

#endif
