#include "tests/fuzz/place.h"

#include "lib/http_client/http_client.h"
#include "tests/fuzz/fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEADERS_MAX = 24, TIMEOUT_MS = 10000 };

static char folder[PLACE_PATH_MAX];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void place_make(char path[PLACE_PATH_MAX])
{
    (void)snprintf(folder, sizeof folder, "/dev/shm/stepfleet-fuzz-%ld", (long)getpid());
    remove_folder();
    fuzz_expect(mkdir(folder, 0700) == 0 && atexit(remove_folder) == 0, "no folder");
    (void)snprintf(path, PLACE_PATH_MAX, "%s", folder);
}

void place_expect(int held, const struct error *err)
{
    fuzz_expect(held, err->message);
}

/* "Name: value" in two; false when it is no header that a client would send. */
static int split_header(char *line, struct http_header *out)
{
    char *colon = strchr(line, ':');
    if (!colon || colon == line || strpbrk(line, "\r\n"))
        return 0;
    *colon = '\0';
    *out = (struct http_header){line, colon + 1 + strspn(colon + 1, " ")};
    return strcasecmp(out->name, "content-length") != 0 && strcasecmp(out->name, "host") != 0 &&
           strcasecmp(out->name, "transfer-encoding") != 0 &&
           strcasecmp(out->name, "connection") != 0 && strcasecmp(out->name, "expect") != 0;
}

static void send_it(const struct http_request *request)
{
    static struct http_client *client;
    struct http_response response = {0};
    struct error err = {0};
    if (!client)
        client = http_client_new(NULL, &err);
    place_expect(client != NULL, &err);
    const int rc = http_client_call(client, request, &response, &err);
    fuzz_expect(rc == 0 || err.code != ERR_TIMEOUT, "no answer in time");
    http_response_free(&response);
}

/* The texts of lines stay until the request was sent. */
void place_request(const char *origin, const char *authorization, const uint8_t *data, size_t size)
{
    char *lines[HEADERS_MAX], url[4096];
    struct http_header headers[HEADERS_MAX] = {{"Authorization", authorization}};
    size_t count = authorization != NULL, line_count = 0;
    char *first = fuzz_line(&data, &size);
    char *path = strchr(first, ' ');
    while (size && line_count < HEADERS_MAX && *(lines[line_count++] = fuzz_line(&data, &size)))
        count += count < HEADERS_MAX && split_header(lines[line_count - 1], &headers[count]);
    if (path && path[1] == '/' && strlen(path) + strlen(origin) < sizeof url) {
        *path = '\0';
        (void)snprintf(url, sizeof url, "%s%s", origin, path + 1);
        const struct http_request request = {.method = first,
                                             .url = url,
                                             .headers = headers,
                                             .header_count = count,
                                             .body = data,
                                             .body_len = size,
                                             .timeout_ms = TIMEOUT_MS,
                                             .no_proxy = true};
        if (strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(first) && *first)
            send_it(&request);
    }
    while (line_count > 0)
        free(lines[--line_count]);
    free(first);
}
