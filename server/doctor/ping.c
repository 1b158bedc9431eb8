/* `stepfleet ping`: the health check of containers, which have neither shell nor curl. Opens no
 * folder and no store, so that it can be asked beside a server at any time. */
#include "lib/http_client/http_client.h"
#include "lib/json/json_read.h"
#include "lib/options/options.h"
#include "server/app/settings.h"
#include "server/doctor/doctor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_READY = 0, EXIT_NOT_READY = 1, EXIT_USAGE = 2 };
enum { PING_TIMEOUT_MS = 2000, PING_REPLY_MAX = 64 * 1024, URL_MAX_LEN = 512, HOST_LEN = 64 };

static int complain(const struct error *err, int code)
{
    (void)fprintf(stderr, "stepfleet: %s\n", err->message);
    return code;
}

/* The address a server listens on, as one that can be called: every address means this machine. */
static int url_of(const char *listen, char out[URL_MAX_LEN], struct error *err)
{
    char host[HOST_LEN];
    uint16_t port = 0;
    if (options_address(listen, host, sizeof host, &port, err))
        return err_wrap(err, "--listen (STEPFLEET_LISTEN)");
    if (port == 0)
        return err_set(err, ERR_ARGUMENT,
                       "--listen (STEPFLEET_LISTEN) leaves the port to the system: say the URL, "
                       "stepfleet ping http://127.0.0.1:PORT");
    const char *called = strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1"
                         : strcmp(host, "::") == 0    ? "::1"
                                                      : host;
    bool brackets = strchr(called, ':') != NULL;
    (void)snprintf(out, URL_MAX_LEN, "http://%s%s%s:%u", brackets ? "[" : "", called,
                   brackets ? "]" : "", (unsigned)port);
    return 0;
}

static int check_url(const char *given, char out[URL_MAX_LEN], struct error *err)
{
    if (!http_url_base(given, out, URL_MAX_LEN))
        return err_set(err, ERR_ARGUMENT,
                       "'%.200s' is not the URL of a server: it looks like http://127.0.0.1:8080",
                       given);
    return 0;
}

/* The parts that are not well, in the server's own words. */
static int not_ready(const char *url, const struct http_response *answer, struct error *err)
{
    json_t *body = NULL;
    const char *name;
    const json_t *value;
    struct buf parts;
    buf_init(&parts, ERR_MESSAGE_MAX / 2);
    (void)json_parse(buf_str(&answer->body), answer->body.len, &body, NULL);
    json_object_foreach (json_object_get(body, "checks"), name, value) {
        const char *detail = json_is_string(value) ? json_string_value(value) : "";
        if (strcmp(detail, "ok") != 0)
            buf_addf(&parts, "; %s: %s", name, detail);
    }
    json_decref(body);
    err_set(err, ERR_REMOTE, "%s answers %d%s", url, answer->status,
            parts.len ? buf_str(&parts) : ": is that a Stepfleet server?");
    buf_free(&parts);
    return -1;
}

static int ping(const char *base, bool own, struct error *err)
{
    char url[URL_MAX_LEN + sizeof "/readyz"];
    (void)snprintf(url, sizeof url, "%s/readyz", base);
    const struct http_request request = {.method = "GET",
                                         .url = url,
                                         .timeout_ms = PING_TIMEOUT_MS,
                                         .max_reply = PING_REPLY_MAX,
                                         .no_proxy = own};
    struct http_response answer = {0};
    struct http_client *client = http_client_new(NULL, err);
    if (!client)
        return -1;
    int rc = http_client_call(client, &request, &answer, err);
    if (rc)
        err_wrap(err, "%s", url);
    else if (answer.status != 200)
        rc = not_ready(url, &answer, err);
    http_response_free(&answer);
    http_client_free(client);
    return rc;
}

int command_ping(int argc, const char **argv)
{
    const struct option_row *row = &setting_rows[SET_LISTEN];
    struct option_value listen;
    struct error err = {0};
    char url[URL_MAX_LEN];
    int operands = 0;
    int rc = options_read(row, 1, argc, argv, settings_environment, &listen, &operands, &err);
    if (!rc && operands > 1)
        rc = err_set(&err, ERR_ARGUMENT, "usage: stepfleet ping [URL]");
    if (!rc)
        rc = operands ? check_url(argv[0], url, &err) : url_of(listen.text, url, &err);
    if (rc)
        return complain(&err, EXIT_USAGE);
    (void)signal(SIGPIPE, SIG_IGN);
    return ping(url, operands == 0, &err) ? complain(&err, EXIT_NOT_READY) : EXIT_READY;
}
