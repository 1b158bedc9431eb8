/* Starting and stopping: the listening socket, the pool, the limits. */
#include "lib/http_server/http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_CONNECTIONS = 4096,
    DEFAULT_IDLE_SECONDS = 75,
    DEFAULT_STALL_SECONDS = 10,
    MAX_THREADS = 8,
    DEFAULT_MEMORY = 64 * 1024,
    STOP_SECONDS = 2, /* how long answers under way may take when the server stops */
    LOG_LINE = 256,
    DEFAULT_BODIES = 256 * 1024 * 1024,
};

/* "127.0.0.1:80", "[::1]:80". */
static void address_text(const char *host, uint16_t port, char *out, size_t size)
{
    if (strchr(host, ':'))
        (void)snprintf(out, size, "[%s]:%u", host, (unsigned)port);
    else
        (void)snprintf(out, size, "%s:%u", host, (unsigned)port);
}

/* Reusable at once after a restart; an IPv6 socket leaves IPv4 alone, so that both can be had. */
static int bind_socket(int fd, const struct addrinfo *address)
{
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
        return -1;
    if (address->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on))
        return -1;
    if (bind(fd, address->ai_addr, address->ai_addrlen))
        return -1;
    return listen(fd, SOMAXCONN);
}

/* A socket of our own rather than microhttpd's, so that a port in use can be told as such. */
static int open_listener(const char *host, uint16_t port, struct error *err)
{
    char text[HTTP_HOST_MAX + 16], service[8];
    address_text(host, port, text, sizeof text);
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *address = NULL;
    int rc = getaddrinfo(host, service, &hints, &address);
    if (rc)
        return err_set(err, ERR_ARGUMENT,
                       "%s is not a numeric address (%s): write 127.0.0.1, [::1] or another "
                       "address of this machine",
                       host, gai_strerror(rc));
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = fd < 0 ? -1 : bind_socket(fd, address);
    const int failure = errno;
    freeaddrinfo(address);
    if (rc == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    errno = failure;
    if (failure == EADDRINUSE)
        return err_set(err, ERR_CONFLICT, "address %s is in use", text);
    return err_set_errno(err, "cannot listen on %s", text);
}

/* Asked of the socket: with port 0 only the system knows it. */
static int read_port(struct http_server *s, struct error *err)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t len = sizeof bound;
    if (getsockname(s->listen_fd, &bound.any, &len))
        return err_set_errno(err, "getsockname");
    s->port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    char text[HTTP_HOST_MAX + 16];
    address_text(s->options.host, s->port, text, sizeof text);
    (void)snprintf(s->url, sizeof s->url, "http://%s", text);
    return 0;
}

/* The zeroes of the options. */
static void fill_defaults(struct http_server_options *o)
{
    if (!o->threads) {
        const long cores = sysconf(_SC_NPROCESSORS_ONLN);
        o->threads = cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (unsigned)cores;
    }
    if (!o->max_connections)
        o->max_connections = DEFAULT_CONNECTIONS;
    if (!o->idle_seconds)
        o->idle_seconds = DEFAULT_IDLE_SECONDS;
    if (!o->stall_seconds)
        o->stall_seconds = DEFAULT_STALL_SECONDS;
    if (!o->max_bodies)
        o->max_bodies = DEFAULT_BODIES;
    if (!o->connection_memory)
        o->connection_memory = DEFAULT_MEMORY;
}

/* What microhttpd has to say are protocol errors of clients. */
static void log_line(void *server, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
static void log_line(void *server, const char *fmt, va_list args)
{
    const struct http_server *s = server;
    char text[LOG_LINE];
    (void)vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    const char *line = text;
    log_debug(s->options.log, "http connection", LOG_STR("error", line));
}

/* microhttpd divides its own limit among the threads and leaves what is beyond in the backlog, so
 * connections are counted here and refused at the door. */
static enum MHD_Result accept_policy(void *server, const struct sockaddr *address, socklen_t len)
{
    struct http_server *s = server;
    (void)address;
    (void)len;
    return atomic_load(&s->connections) < s->options.max_connections ? MHD_YES : MHD_NO;
}

/* The two ends of a connection's life. */
static void count_connection(void *server, struct MHD_Connection *connection, void **data,
                             enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = server;
    (void)connection;
    (void)data;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        atomic_fetch_add(&s->connections, 1);
    else
        atomic_fetch_sub(&s->connections, 1);
}

/* Paths and queries are wanted as they came. */
static size_t keep_encoded(void *server, struct MHD_Connection *connection, char *text)
{
    (void)server;
    (void)connection;
    return strlen(text);
}

/* All of microhttpd's options in one place. */
static int start_daemon(struct http_server *s, struct error *err)
{
    const struct http_server_options *o = &s->options;
    const unsigned flags =
        MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    /* A pool of one is no pool to microhttpd. */
    const unsigned pool = o->threads > 1 ? o->threads : 0;
    s->daemon = MHD_start_daemon(
        flags, 0, accept_policy, s, http_exchange_access, s, MHD_OPTION_EXTERNAL_LOGGER, log_line,
        s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_THREAD_POOL_SIZE, pool,
        MHD_OPTION_CONNECTION_LIMIT, (o->max_connections + 1) * o->threads,
        MHD_OPTION_CONNECTION_TIMEOUT, o->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        o->connection_memory, MHD_OPTION_URI_LOG_CALLBACK, http_exchange_new, s,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, s, MHD_OPTION_NOTIFY_COMPLETED,
        http_exchange_completed, s, MHD_OPTION_NOTIFY_CONNECTION, count_connection, s,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!s->daemon)
        return err_set(err, ERR_SYSTEM, "cannot start the HTTP server on %s", s->url);
    return 0;
}

static struct http_server *server_free(struct http_server *s)
{
    if (s->listen_fd >= 0)
        (void)close(s->listen_fd);
    free((char *)s->options.host);
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

/* Waits are measured on the monotonic clock: setting the time must not stretch a shutdown. */
static int init_locks(struct http_server *s)
{
    pthread_condattr_t monotonic;
    if (pthread_mutex_init(&s->lock, NULL))
        return -1;
    if (pthread_condattr_init(&monotonic) == 0) {
        const int rc = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) ||
                       pthread_cond_init(&s->idle, &monotonic);
        pthread_condattr_destroy(&monotonic);
        if (!rc)
            return 0;
    }
    pthread_mutex_destroy(&s->lock);
    return -1;
}

/* The port is bound before any thread is there: what fails, fails here, with a sentence. */
struct http_server *http_server_start(const struct http_server_options *options, struct error *err)
{
    if (!options->handle || strlen(options->host) >= HTTP_HOST_MAX) {
        err_set(err, ERR_ARGUMENT, "no handler, or the address is too long");
        return NULL;
    }
    struct http_server *s = calloc(1, sizeof *s);
    if (!s || init_locks(s)) {
        free(s);
        err_set(err, ERR_MEMORY, "starting the HTTP server: out of memory");
        return NULL;
    }
    s->options = *options;
    s->options.host = strdup(options->host);
    fill_defaults(&s->options);
    s->listen_fd = -1;
    if (!s->options.host)
        err_set(err, ERR_MEMORY, "starting the HTTP server: out of memory");
    else if ((s->listen_fd = open_listener(s->options.host, options->port, err)) >= 0 &&
             read_port(s, err) == 0 && start_daemon(s, err) == 0)
        return s;
    return server_free(s);
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

const char *http_server_url(const struct http_server *s)
{
    return s->url;
}

/* The socket first, so that nothing new can come while handlers are waited for. */
void http_server_quiesce(struct http_server *s)
{
    if (s->quiesced)
        return;
    s->quiesced = true;
    /* From here on the socket is ours. Shutting it down refuses what would wait in its backlog. */
    s->listen_fd = MHD_quiesce_daemon(s->daemon);
    if (s->listen_fd >= 0)
        (void)shutdown(s->listen_fd, SHUT_RDWR);
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->closing, true);
    while (atomic_load(&s->handling) > 0)
        pthread_cond_wait(&s->idle, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* Answers what is deferred, then gives answers under way a moment to go out. */
static void drain(struct http_server *s)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_SECONDS;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (struct http_exchange *x = s->exchanges; x; x = x->next) {
        http_exchange_abandon_locked(x);
        http_stream_stop_locked(x);
    }
    while (atomic_load(&s->open) > 0 && pthread_cond_timedwait(&s->idle, &s->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&s->lock);
}

/* Three steps: no new requests and no handlers at work, then the answers under way, then the
 * threads. */
struct http_server *http_server_stop(struct http_server *s)
{
    if (!s)
        return NULL;
    http_server_quiesce(s);
    drain(s);
    MHD_stop_daemon(s->daemon);
    return server_free(s);
}
