/* sfn_load: drives a Step Functions endpoint over keep-alive connections and prints figures.
 *
 *   sfn_load PORT seq COUNT MACHINE_ARN INPUT_FILE            one after the other
 *   sfn_load PORT par COUNT CONNECTIONS MACHINE_ARN INPUT_FILE
 *
 * Prints one JSON object; times in milliseconds. An execution counts once DescribeExecution says
 * SUCCEEDED; it is asked at once, then every millisecond. One thread, poll(2), no library: the
 * driver must not be what is measured. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, REPLY_MAX = 1 << 20, REQUEST_MAX = 1 << 20 };

struct client {
    int fd;
    bool asks; /* DescribeExecution is under way, not StartExecution */
    bool busy;
    double began, due;
    char arn[512];
    char reply[REPLY_MAX];
    size_t len;
};

struct load {
    const char *port, *machine;
    char *input; /* as a JSON string literal's inside */
    size_t wanted, begun, ended;
    double *took;
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what, const char *detail)
{
    (void)fprintf(stderr, "sfn_load: %s: %s\n", what, detail);
    exit(1);
}

/* The file as the inside of a JSON string; it must hold printable ASCII alone. */
static char *read_input(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, REQUEST_MAX);
    size_t len = 0;
    int c;
    if (!file || !text)
        die(path, strerror(errno));
    while ((c = fgetc(file)) != EOF && len + 2 < REQUEST_MAX / 2) {
        if (c == '"' || c == '\\')
            text[len++] = '\\';
        if (c >= ' ')
            text[len++] = (char)c;
    }
    (void)fclose(file);
    return text;
}

static void dial(struct client *c, const char *port)
{
    const int on = 1;
    char *end = NULL;
    unsigned long number = strtoul(port, &end, 10);
    if (end == port || *end || number == 0 || number > UINT16_MAX)
        die(port, "not a port: a number from 1 to 65535 is wanted");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    (void)inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to))
        die("connecting", strerror(errno));
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The endpoint wants a signature's form, not its truth. */
static void send_request(const struct load *l, struct client *c, const char *operation,
                         const char *body)
{
    static char text[REQUEST_MAX];
    int len =
        snprintf(text, sizeof text,
                 "POST / HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nX-Amz-Target: AWSStepFunctions.%s\r\n"
                 "Content-Type: application/x-amz-json-1.0\r\n"
                 "Authorization: AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/states/"
                 "aws4_request, SignedHeaders=host, Signature=%064d\r\n"
                 "X-Amz-Date: 20250101T000000Z\r\nContent-Length: %zu\r\n\r\n%s",
                 l->port, operation, 0, strlen(body), body);
    if (len < 0 || (size_t)len >= sizeof text)
        die("request", "too long");
    for (size_t done = 0; done < (size_t)len;) {
        ssize_t n = write(c->fd, text + done, (size_t)len - done);
        if (n <= 0)
            die("sending", strerror(errno));
        done += (size_t)n;
    }
    c->len = 0;
    c->busy = true;
}

static void start(struct load *l, struct client *c)
{
    static char body[REQUEST_MAX];
    (void)snprintf(body, sizeof body, "{\"stateMachineArn\":\"%s\",\"input\":\"%s\"}", l->machine,
                   l->input);
    c->asks = false;
    c->began = now();
    l->begun++;
    send_request(l, c, "StartExecution", body);
}

static void ask(const struct load *l, struct client *c)
{
    char body[1024];
    (void)snprintf(body, sizeof body,
                   "{\"executionArn\":\"%s\",\"includedData\":\"METADATA_ONLY\"}", c->arn);
    c->asks = true;
    send_request(l, c, "DescribeExecution", body);
}

/* Whether the whole answer is there. */
static bool complete(const struct client *c)
{
    const char *end = strstr(c->reply, "\r\n\r\n");
    const char *length = strcasestr(c->reply, "content-length:");
    return end && length && c->len >= (size_t)(end + 4 - c->reply) + strtoul(length + 15, NULL, 10);
}

static void take_arn(struct client *c)
{
    const char *at = strstr(c->reply, "\"executionArn\":\"");
    if (!at)
        die("StartExecution", c->reply);
    at += 16;
    (void)snprintf(c->arn, sizeof c->arn, "%.*s", (int)strcspn(at, "\""), at);
}

/* The next request of the client, if it has one now. */
static void answered(struct load *l, struct client *c)
{
    c->busy = false;
    if (!c->asks) {
        take_arn(c);
        ask(l, c);
    } else if (strstr(c->reply, "\"SUCCEEDED\"")) {
        l->took[l->ended++] = now() - c->began;
        if (l->begun < l->wanted)
            start(l, c);
        else
            c->asks = false;
    } else if (strstr(c->reply, "\"RUNNING\"")) {
        c->due = now() + 1;
    } else {
        die("DescribeExecution", c->reply);
    }
}

static void receive(struct load *l, struct client *c)
{
    ssize_t n = read(c->fd, c->reply + c->len, sizeof c->reply - 1 - c->len);
    if (n <= 0)
        die("receiving", n ? strerror(errno) : "the connection was closed");
    c->len += (size_t)n;
    c->reply[c->len] = '\0';
    if (complete(c))
        answered(l, c);
}

static void run(struct load *l, struct client *clients, size_t count)
{
    struct pollfd polled[CONNECTIONS_MAX];
    for (size_t i = 0; i < count; i++) {
        dial(&clients[i], l->port);
        polled[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        if (l->begun < l->wanted)
            start(l, &clients[i]);
    }
    while (l->ended < l->wanted) {
        if (poll(polled, (nfds_t)count, 1) < 0)
            die("poll", strerror(errno));
        for (size_t i = 0; i < count; i++)
            if (polled[i].revents)
                receive(l, &clients[i]);
            else if (!clients[i].busy && clients[i].asks && now() >= clients[i].due)
                ask(l, &clients[i]);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(struct load *l, double took)
{
    qsort(l->took, l->ended, sizeof *l->took, compare);
    (void)printf("{\"executions\": %zu, \"seconds\": %.3f, \"perSecond\": %.1f, \"p50\": %.3f, "
                 "\"p99\": %.3f, \"max\": %.3f}\n",
                 l->ended, took / 1e3, (double)l->ended * 1e3 / took, l->took[l->ended / 2],
                 l->took[l->ended * 99 / 100], l->took[l->ended - 1]);
}

int main(int argc, char **argv)
{
    struct load l = {0};
    bool parallel = argc == 7 && strcmp(argv[2], "par") == 0;
    if (!parallel && !(argc == 6 && strcmp(argv[2], "seq") == 0))
        die("usage", "PORT seq COUNT ARN INPUT | PORT par COUNT CONNECTIONS ARN INPUT");
    size_t count = parallel ? strtoul(argv[4], NULL, 10) : 1;
    l.port = argv[1];
    l.wanted = strtoul(argv[3], NULL, 10);
    l.machine = argv[argc - 2];
    l.input = read_input(argv[argc - 1]);
    l.took = calloc(l.wanted + 1, sizeof *l.took);
    struct client *clients = calloc(CONNECTIONS_MAX, sizeof *clients);
    if (!l.took || !clients || count < 1 || count > CONNECTIONS_MAX)
        die("start", "out of memory, or too many connections");
    double began = now();
    run(&l, clients, count);
    report(&l, now() - began);
    free(clients);
    free(l.took);
    free(l.input);
    return 0;
}
