/* All that differs between services stands in one table here. */
#include "lib/aws/endpoint.h"

#include "lib/aws/profile.h"
#include "lib/aws/source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_1_0 "application/x-amz-json-1.0"
#define JSON_1_1 "application/x-amz-json-1.1"
#define FORM "application/x-www-form-urlencoded; charset=utf-8"

/* clang-format off */
static const struct aws_service_info services[AWS_SERVICE_COUNT] = {
    [AWS_S3] = {"s3", "S3", "s3", "s3", NULL, NULL, AWS_REST_XML},
    [AWS_DYNAMODB] = {"dynamodb", "DYNAMODB", "dynamodb", "dynamodb",
                      "DynamoDB_20120810.", JSON_1_0, AWS_JSON},
    [AWS_DYNAMODB_STREAMS] = {"dynamodb-streams", "DYNAMODB_STREAMS", "streams.dynamodb",
                              "dynamodb", "DynamoDBStreams_20120810.", JSON_1_0, AWS_JSON},
    [AWS_SFN] = {"sfn", "SFN", "states", "states", "AWSStepFunctions.", JSON_1_0, AWS_JSON},
    [AWS_ECS] = {"ecs", "ECS", "ecs", "ecs",
                 "AmazonEC2ContainerServiceV20141113.", JSON_1_1, AWS_JSON},
    [AWS_LAMBDA] = {"lambda", "LAMBDA", "lambda", "lambda", NULL, NULL, AWS_REST_JSON},
    [AWS_STS] = {"sts", "STS", "sts", "sts", NULL, FORM, AWS_QUERY},
};
/* clang-format on */

const struct aws_service_info *aws_service_info(enum aws_service service)
{
    return &services[service];
}

const char *aws_getenv(const struct aws_options *options, const char *name)
{
    const char *value = options->getenv ? options->getenv(name) : getenv(name);
    return value && *value ? value : NULL;
}

bool aws_is_true(const struct aws_options *options, const char *name)
{
    const char *value = aws_getenv(options, name);
    return value && strcasecmp(value, "true") == 0;
}

/* It becomes part of host names. */
static int take_region(const char *region, char out[AWS_REGION_MAX], struct error *err)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strlen(region);
    if (len == 0 || len >= AWS_REGION_MAX || strspn(region, legal) != len)
        return err_set(err, ERR_ARGUMENT, "'%.64s' is not the name of an AWS region", region);
    memcpy(out, region, len + 1);
    return 0;
}

/* Files are read, and then the instance asked, only where nothing nearer tells: both take time. */
static int distant_region(const struct aws_options *options, char out[AWS_REGION_MAX],
                          struct error *err)
{
    struct profiles p;
    char told[AWS_REGION_MAX];
    if (profiles_open(&p, options, err))
        return -1;
    const char *region = profiles_get(&p, p.name, "region");
    int rc = region ? take_region(region, out, err) : 0;
    if (p.chosen && !profiles_have(&p, p.name))
        rc = err_set(err, ERR_ARGUMENT,
                     "AWS_PROFILE: profile '%.100s' is in neither the config nor the credentials "
                     "file",
                     p.name);
    profiles_close(&p);
    if (region || rc)
        return rc;
    enum found found = imds_region(options, told, sizeof told, err);
    if (found == NOT_CONFIGURED)
        return err_set(err, ERR_ARGUMENT, "no AWS region is set: set AWS_REGION");
    return found == FOUND ? take_region(told, out, err) : err_wrap(err, "AWS region");
}

int aws_region_find(const struct aws_options *options, char out[AWS_REGION_MAX], struct error *err)
{
    const char *region = options->region && *options->region ? options->region : NULL;
    if (!region)
        region = aws_getenv(options, "AWS_REGION");
    if (!region)
        region = aws_getenv(options, "AWS_DEFAULT_REGION");
    return region ? take_region(region, out, err) : distant_region(options, out, err);
}

/* Copies "scheme://host[:port]" without the '/' it may end with. */
static int copy_origin(const char *url, char **out, struct error *err)
{
    const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                                                          : NULL;
    size_t len = host ? strcspn(host, "/?#") : 0;
    if (len == 0 || strcspn(host, "@ \t\r\n") < len || (host[len] && strcmp(host + len, "/") != 0))
        return err_set(err, ERR_ARGUMENT,
                       "endpoint '%.200s' must be http://HOST[:PORT] or https://HOST[:PORT]", url);
    *out = strndup(url, (size_t)(host - url) + len);
    return *out ? 0 : err_set(err, ERR_MEMORY, "out of memory for an endpoint");
}

/* The options' endpoint is meant for tests and the local mode, and covers every service; it counts
 * where configured URLs are switched off, too. */
static const char *near_url(const struct aws_options *options, const char *suffix)
{
    char name[64];
    if (options->endpoint && *options->endpoint)
        return options->endpoint;
    (void)snprintf(name, sizeof name, "AWS_ENDPOINT_URL_%s", suffix);
    const char *url = aws_getenv(options, name);
    return url ? url : aws_getenv(options, "AWS_ENDPOINT_URL");
}

/* Files use the variables' suffixes in lower case. */
static const char *profile_url(const struct profiles *p, const char *suffix)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%s", suffix);
    for (char *c = key; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return profiles_endpoint(p, key);
}

/* Order: AWS SDKs Reference Guide, "Service-specific endpoints". Files are not even opened where
 * one URL is set for all services. */
int endpoints_open(struct endpoints *e, const struct aws_options *options, struct error *err)
{
    struct profiles p = {0};
    bool off = aws_is_true(options, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    bool explicit = options->endpoint && *options->endpoint;
    bool files = !off && !explicit && !aws_getenv(options, "AWS_ENDPOINT_URL");
    *e = (struct endpoints){0};
    int rc = files ? profiles_open(&p, options, err) : 0;
    for (size_t i = 0; !rc && i < AWS_SERVICE_COUNT && (explicit || !off); i++) {
        const char *url = near_url(options, services[i].env);
        if (!url && files)
            url = profile_url(&p, services[i].env);
        if (url)
            rc = copy_origin(url, &e->origin[i], err);
    }
    profiles_close(&p);
    if (rc)
        endpoints_close(e);
    return rc;
}

void endpoints_close(struct endpoints *e)
{
    for (size_t i = 0; i < AWS_SERVICE_COUNT; i++) {
        free(e->origin[i]);
        e->origin[i] = NULL;
    }
}

/* A bucket name that may stand before ".s3.": no dots, no upper case (rules for DNS labels). */
static bool is_host_label(const char *name, size_t len)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return len >= 3 && len <= 63 && strspn(name, legal) >= len && name[0] != '-' &&
           name[len - 1] != '-';
}

/* Calls to this machine must not go through a proxy that the environment names. */
static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
           strncmp(host, "localhost", 9) == 0;
}

/* Host and path for a configured origin: always path style, which every S3 server understands. */
static void resolve_origin(const char *origin, const struct aws_request *r, struct aws_target *out)
{
    bool tls = strncmp(origin, "https://", 8) == 0;
    const char *host = origin + (tls ? 8 : 7);
    const char *own_port = tls ? ":443" : ":80";
    size_t len = strlen(host);
    size_t port = strlen(own_port);
    if (len > port && strcmp(host + len - port, own_port) == 0)
        len -= port;
    buf_add(&out->host, host, len);
    buf_adds(&out->url, origin);
    buf_add(&out->path, buf_str(&r->path), r->path.len);
    out->loopback = is_loopback(host);
}

/* The bucket becomes part of the host where its name can be one (virtual-hosted style); the path
 * style is left for the names that cannot. */
static void resolve_aws(const struct aws_request *r, const char *region, struct aws_target *out)
{
    const char *domain = strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
    const char *path = buf_str(&r->path);
    size_t bucket = r->service == AWS_S3 && *path == '/' ? strcspn(path + 1, "/") : 0;
    if (is_host_label(path + 1, bucket)) {
        buf_add(&out->host, path + 1, bucket);
        buf_addc(&out->host, '.');
        path += bucket + 1;
    }
    buf_addf(&out->host, "%s.%s.%s", services[r->service].host, region, domain);
    buf_addf(&out->url, "https://%s", buf_str(&out->host));
    buf_adds(&out->path, *path ? path : "/");
}

/* Path and query are encoded already; what is signed is exactly what is sent. */
int endpoint_resolve(const struct endpoints *e, const struct aws_request *r, const char *region,
                     struct aws_target *out, struct error *err)
{
    const char *origin = e->origin[r->service];
    out->loopback = false;
    if (origin)
        resolve_origin(origin, r, out);
    else
        resolve_aws(r, region, out);
    buf_adds(&out->url, buf_str(&out->path));
    if (r->query.len)
        buf_addf(&out->url, "?%s", buf_str(&r->query));
    if (buf_check(&out->host, err) || buf_check(&out->path, err))
        return -1;
    return buf_check(&out->url, err);
}
