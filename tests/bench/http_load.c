/* http_load: GETs one path over keep-alive connections as fast as they are answered.
 *
 *   http_load PORT PATH CONNECTIONS SECONDS
 *
 * Prints one JSON object: requests, and how many a second, median and 99th percentile in
 * microseconds, answers that were not 200, bytes of their bodies, and the longest time in which no
 * answer came at all. One thread, poll(2), no library: the driver must not be what is measured. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, HEAD_MAX = 8192, SAMPLES_MAX = 4 << 20, PATIENCE_MS = 5000 };

struct client {
    int64_t began;
    size_t len;          /* of the head, while it is not complete */
    size_t body;         /* its length */
    size_t left;         /* what of it is to come */
    char head[HEAD_MAX]; /* as much of it as `len` says */
};

struct load {
    const char *request;
    size_t request_len;
    struct client *clients;
    struct pollfd *polls;
    nfds_t count;
    uint32_t *samples; /* microseconds */
    size_t answers;
    size_t refused; /* not 200 */
    uint64_t bytes; /* of all bodies */
    int64_t last;   /* when an answer came */
    int64_t gap;
};

static int64_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what, const char *detail)
{
    (void)fprintf(stderr, "http_load: %s: %s\n", what, detail);
    exit(1);
}

static int dial(uint16_t port)
{
    const int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
        die("connecting", strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void ask(struct load *l, size_t i)
{
    struct client *c = &l->clients[i];
    c->began = now();
    c->len = c->left = 0;
    if (write(l->polls[i].fd, l->request, l->request_len) != (ssize_t)l->request_len)
        die("writing", strerror(errno));
}

static void note(struct load *l, const struct client *c)
{
    const int64_t at = now();
    if (l->answers < SAMPLES_MAX)
        l->samples[l->answers] = (uint32_t)(at - c->began);
    l->answers++;
    l->bytes += c->body;
    l->refused += strncmp(c->head, "HTTP/1.1 200", 12) != 0;
    l->gap = at - l->last > l->gap ? at - l->last : l->gap;
    l->last = at;
}

/* Line by line, which takes less time than to search all of it. */
static size_t body_length(const char *head, const char *end)
{
    static const char name[] = "Content-Length:";
    for (const char *line = head; line < end; line = strchr(line, '\n') + 1)
        if (strncasecmp(line, name, sizeof name - 1) == 0)
            return strtoul(line + sizeof name - 1, NULL, 10);
    return 0;
}

/* The rest of `c->head` is body already. */
static void end_head(struct client *c, const char *end)
{
    c->body = body_length(c->head, end);
    const size_t have = c->len - (size_t)(end + 4 - c->head);
    if (have > c->body)
        die("reading", "more came than was asked for");
    c->left = c->body - have;
}

/* 1: the answer is complete. */
static int take(struct load *l, size_t i)
{
    struct client *c = &l->clients[i];
    char piece[65536];
    const int in_body = c->left > 0;
    char *to = in_body ? piece : c->head + c->len;
    const size_t room = in_body ? sizeof piece : HEAD_MAX - 1 - c->len;
    const ssize_t n = read(l->polls[i].fd, to, room);
    if (n <= 0)
        die("reading", n ? strerror(errno) : "the connection was closed");
    if (in_body) {
        c->left -= (size_t)n < c->left ? (size_t)n : c->left;
        return c->left == 0;
    }
    c->len += (size_t)n;
    c->head[c->len] = '\0';
    const char *end = strstr(c->head, "\r\n\r\n");
    if (!end)
        return 0;
    end_head(c, end);
    return c->left == 0;
}

static void run(struct load *l, int64_t until)
{
    for (size_t i = 0; i < l->count; i++)
        ask(l, i);
    while (now() < until) {
        const int ready = poll(l->polls, l->count, PATIENCE_MS);
        if (ready <= 0)
            die("waiting", ready ? strerror(errno) : "no answer for five seconds");
        for (size_t i = 0; i < l->count; i++) {
            if (!l->polls[i].revents || !take(l, i))
                continue;
            note(l, &l->clients[i]);
            ask(l, i);
        }
    }
}

static int compare(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void report(struct load *l, double seconds)
{
    const size_t count = l->answers < SAMPLES_MAX ? l->answers : SAMPLES_MAX;
    if (count == 0)
        die("measuring", "no answer came");
    qsort(l->samples, count, sizeof *l->samples, compare);
    (void)printf("{\"connections\": %lu, \"answers\": %zu, \"perSecond\": %.0f, \"p50\": %u, "
                 "\"p99\": %u, \"refused\": %zu, \"bytes\": %llu, \"longestGap\": %lld}\n",
                 (unsigned long)l->count, l->answers, (double)l->answers / seconds,
                 l->samples[count / 2], l->samples[count * 99 / 100], l->refused,
                 (unsigned long long)l->bytes, (long long)l->gap);
}

static void open_clients(struct load *l, uint16_t port)
{
    l->clients = calloc(l->count, sizeof *l->clients);
    l->polls = calloc(l->count, sizeof *l->polls);
    l->samples = calloc(SAMPLES_MAX, sizeof *l->samples);
    if (!l->clients || !l->polls || !l->samples)
        die("preparing", "out of memory");
    for (size_t i = 0; i < l->count; i++)
        l->polls[i] = (struct pollfd){.fd = dial(port), .events = POLLIN};
}

int main(int argc, char **argv)
{
    char request[2048];
    if (argc != 5)
        die("usage", "http_load PORT PATH CONNECTIONS SECONDS");
    const long port = strtol(argv[1], NULL, 10);
    const long connections = strtol(argv[3], NULL, 10);
    const double seconds = strtod(argv[4], NULL);
    if (port < 1 || port > 65535 || connections < 1 || connections > CONNECTIONS_MAX ||
        seconds <= 0 || strlen(argv[2]) > 1024)
        die("usage", "a number is out of range");
    int len =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", argv[2]);
    struct load l = {.request = request, .request_len = (size_t)len, .count = (nfds_t)connections};
    open_clients(&l, (uint16_t)port);
    const int64_t began = now();
    l.last = began;
    run(&l, began + (int64_t)(seconds * 1e6));
    report(&l, (double)(now() - began) / 1e6);
    free(l.clients);
    free(l.polls);
    free(l.samples);
    return 0;
}
