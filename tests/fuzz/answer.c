/* lib/aws: answers of services, as XML, as JSON, as an error. The first line is a digit for the
 * service and the status; headers follow up to an empty line, then the body. */
#include "lib/aws/answer.h"
#include "lib/aws/aws_error.h"
#include "lib/aws/xml.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void walk(const struct xml_node *node, int depth)
{
    struct error err;
    struct xml_node child;
    struct buf text;
    size_t at = 0;
    buf_init(&text, BUF_MAX_LINE);
    (void)xml_text(node, &text, &err);
    buf_free(&text);
    while (depth < XML_DEPTH_MAX && xml_next(node, &at, &child, &err) == 1)
        walk(&child, depth + 1);
}

static void as_xml(const char *body, size_t len)
{
    struct error err;
    struct xml_node root, found;
    if (xml_root(body, len, &root, &err) != 0)
        return;
    (void)xml_find(&root, "Contents/Key", &found);
    walk(&root, 0);
}

static void judge(const char *line, const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct aws_response out = {0};
    struct http_response http = {.status = atoi(*line ? line + 1 : line)};
    struct aws_request request = {.service =
                                      (enum aws_service)((unsigned char)*line % AWS_SERVICE_COUNT),
                                  .expect_root = *line == 'x' ? "CopyObjectResult" : NULL};
    const char *text = (const char *)data;
    const char *end = size ? memmem(text, size, "\n\n", 2) : NULL;
    const size_t head = end ? (size_t)(end - text) : 0;
    buf_init(&http.headers, BUF_MAX_LINE);
    buf_init(&http.body, BUF_MAX_AWS_REPLY);
    buf_add(&http.headers, text, head);
    buf_add(&http.body, text + head + (end ? 2 : 0), size - head - (end ? 2 : 0));
    as_xml(buf_str(&http.body), http.body.len);
    const int rc = answer_read(&request, &http, &out, &err);
    fuzz_expect(rc == 0 || err.message[0] != '\0', "no reason given");
    if (rc == -1 && err.code == ERR_REMOTE)
        fuzz_expect(err.remote[0] != '\0', "an error of a service without its code");
    aws_response_free(&out);
    http_response_free(&http);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = fuzz_line(&data, &size);
    judge(line, data, size);
    free(line);
    return 0;
}
