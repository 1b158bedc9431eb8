/* start_bench: how long a Lambda worker takes from its start to its first poll.
 *
 *   start_bench PROGRAM [ROUNDS]
 *
 * Starts the program with a Runtime API of its own here, takes the time until GET
 * .../invocation/next has come whole, and kills it. Prints one JSON object in microseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 10000, REQUEST_MAX = 8192 };

static int64_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what, const char *detail)
{
    (void)fprintf(stderr, "start_bench: %s: %s\n", what, detail);
    exit(1);
}

static int listen_free(char address[64])
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 16) ||
        getsockname(fd, (struct sockaddr *)&at, &len))
        die("listening", strerror(errno));
    (void)snprintf(address, 64, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:%u", ntohs(at.sin_port));
    return fd;
}

/* Until the end of the request's head. */
static void await_poll(int listener)
{
    char request[REQUEST_MAX];
    size_t len = 0;
    int fd = accept(listener, NULL, NULL);
    while (fd >= 0 && len < REQUEST_MAX - 1) {
        ssize_t n = read(fd, request + len, REQUEST_MAX - 1 - len);
        if (n <= 0)
            die("reading", "the program did not ask");
        len += (size_t)n;
        request[len] = '\0';
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    if (fd < 0 || !strstr(request, "/invocation/next"))
        die("reading", "it was not asked for the next invocation");
    (void)close(fd);
}

static int64_t measure(char *program, int listener, char *address)
{
    char *argv[] = {program, NULL};
    char region[] = "AWS_REGION=us-east-1", key[] = "AWS_ACCESS_KEY_ID=local",
         secret[] = "AWS_SECRET_ACCESS_KEY=local";
    char *environment[] = {address, region, key, secret, NULL};
    pid_t pid;
    int64_t began = now();
    errno = posix_spawn(&pid, program, NULL, NULL, argv, environment);
    if (errno)
        die(program, strerror(errno));
    await_poll(listener);
    int64_t took = now() - began;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    return took;
}

static int compare(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
    static int64_t took[ROUNDS_MAX];
    char address[64];
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 200;
    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX)
        die("usage", "start_bench PROGRAM [ROUNDS]");
    int listener = listen_free(address);
    for (long i = 0; i < rounds; i++)
        took[i] = measure(argv[1], listener, address);
    qsort(took, (size_t)rounds, sizeof *took, compare);
    (void)printf("{\"rounds\": %ld, \"p50\": %lld, \"p99\": %lld}\n", rounds,
                 (long long)took[rounds / 2], (long long)took[rounds * 99 / 100]);
    return 0;
}
