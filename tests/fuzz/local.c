/* server/local as a whole, over the wire: the gate, S3, DynamoDB, ECS, Lambda and Step Functions.
 * The first line names the service that the request is signed for. What tasks and functions run is
 * /bin/true. */
#include "server/local/local.h"

#include "lib/spec/spec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char example[] =
    "{\"region\":\"us-east-1\",\"s3BucketName\":\"bucket\",\"subnetIdLiteral\":\"subnet-1\","
    "\"workflowName\":\"w-pattern-1\",\"securityGroupId\":\"sg-1\",\"ddbTableNameWFSummary\":"
    "\"summary\",\"hashKeyWFSummary\":\"workflow_name\",\"rangeKeyWFSummary\":\"workflow_run_id\","
    "\"ddbTableNameWFDetails\":\"details\",\"hashKeyWFDetails\":\"workflow_run_id\","
    "\"rangeKeyWFDetails\":\"ecs_task_id\",\"clusterName\":\"cluster\",\"containerName\":\"c\","
    "\"taskDefinition\":\"t\",\"taskList\":[{\"taskName\":\"one\",\"objectKey\":\"k\"}]}";

static void link_worker(const char *folder, const char *name)
{
    char path[PLACE_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    fuzz_expect(symlink("/bin/true", path) == 0, "no worker");
}

static struct local *open_local(void)
{
    static char folder[PLACE_PATH_MAX];
    static const struct local_machine machine = {
        "machine", "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Succeed\"}}}"};
    struct error err = {0};
    struct json_problems problems = {0};
    static struct spec spec;
    place_make(folder);
    link_worker(folder, "task-launcher");
    link_worker(folder, "task-monitor");
    link_worker(folder, "s3-copy-task");
    place_expect(spec_parse(example, sizeof example - 1, 1, NULL, &spec, &problems, &err) == 0,
                 &err);
    const struct local_options options = {.dir = folder,
                                          .host = "127.0.0.1",
                                          .workers_dir = folder,
                                          .region = "us-east-1",
                                          .specs = &spec,
                                          .spec_count = 1,
                                          .machines = &machine,
                                          .machine_count = 1,
                                          .clock = clock_system()};
    struct local *l = local_open(&options, &err);
    place_expect(l != NULL, &err);
    return l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct local *local;
    char authorization[256];
    if (!local)
        local = open_local();
    char *service = fuzz_line(&data, &size);
    (void)snprintf(authorization, sizeof authorization,
                   "AWS4-HMAC-SHA256 Credential=AKID/20240102/us-east-1/%.32s/aws4_request, "
                   "SignedHeaders=host;x-amz-date, Signature=%064d",
                   service, 0);
    if (!strpbrk(service, "\r"))
        place_request(local_url(local), *service == '-' ? NULL : authorization, data, size);
    free(service);
    return 0;
}
