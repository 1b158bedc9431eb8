/* endpoint: the table of services (hosts, signing names, protocols) and where requests go.
 *
 * A struct endpoints belongs to its client and does not change after endpoints_open; pure look-ups
 * otherwise. A configured endpoint changes the address only: signing name and region stay.
 * Source: botocore's service models; the SDK guide on service-specific endpoints. */
#ifndef STEPFLEET_AWS_ENDPOINT_H
#define STEPFLEET_AWS_ENDPOINT_H

#include "lib/aws/aws.h"

enum aws_protocol { AWS_JSON, AWS_REST_JSON, AWS_REST_XML, AWS_QUERY };

struct aws_service_info {
    const char *name; /* for messages and logs */
    const char *env;  /* suffix of AWS_ENDPOINT_URL_ */
    const char *host; /* first labels of the host name */
    const char *signing_name;
    const char *target_prefix; /* of X-Amz-Target; NULL if there is none */
    const char *content_type;  /* of requests with a body; NULL: the builder's */
    enum aws_protocol protocol;
};
/* The service's row; a constant. */
const struct aws_service_info *aws_service_info(enum aws_service service);

/* getenv as the options have it; an empty value counts as none. */
const char *aws_getenv(const struct aws_options *options, const char *name);

/* True if the variable is "true", in any case. */
bool aws_is_true(const struct aws_options *options, const char *name);

enum { AWS_REGION_MAX = 32 };
/* The region by options, AWS_REGION, AWS_DEFAULT_REGION, the profile, the instance's metadata. -1
 * with ERR_ARGUMENT if there is none or it is not made of letters, digits and '-' (it becomes part
 * of host names). Waits for files and the network only if the first three do not tell. */
int aws_region_find(const struct aws_options *options, char out[AWS_REGION_MAX], struct error *err);

/* Configured origins ("http://127.0.0.1:4566"); NULL: AWS's own. */
struct endpoints {
    char *origin[AWS_SERVICE_COUNT];
};
/* By options, AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's `services` section and
 * its endpoint_url. -1 with ERR_ARGUMENT for a URL that is not http(s) or has a path. */
int endpoints_open(struct endpoints *e, const struct aws_options *options, struct error *err);
/* Releases the texts; may be called again. */
void endpoints_close(struct endpoints *e);

/* Where one request goes. The buffers are the caller's, made ready by buf_init; `path` is what is
 * signed, and what the URL holds behind the host. */
struct aws_target {
    struct buf url;
    struct buf host; /* the Host header: with the port only if it is not the scheme's own */
    struct buf path;
    bool loopback;
};
/* S3 requests ("/bucket/key") go to a virtual host if the endpoint is AWS's own and the bucket's
 * name makes a host name that TLS's wildcard covers, else path style. */
int endpoint_resolve(const struct endpoints *e, const struct aws_request *r, const char *region,
                     struct aws_target *out, struct error *err);

#endif
