/* From the canonical request to the Authorization header. */
#include "lib/aws/sigv4.h"

#include <string.h>

static const char algorithm[] = "AWS4-HMAC-SHA256";

/* date/region/service/aws4_request */
static void add_scope(struct buf *out, const struct sigv4_scope *scope)
{
    buf_addf(out, "%.8s/%s/%s/aws4_request", scope->timestamp, scope->region, scope->service);
}

int sigv4_string_to_sign(const struct sigv4_scope *scope, const struct buf *canonical,
                         struct buf *out, struct error *err)
{
    char hash[SHA256_HEX];
    if (crypto_sha256_hex(buf_str(canonical), canonical->len, hash, err))
        return -1;
    buf_addf(out, "%s\n%s\n", algorithm, scope->timestamp);
    add_scope(out, scope);
    buf_addf(out, "\n%s", hash);
    return buf_check(out, err);
}

/* The key of the day: each part of the scope is signed with the key made of the part before. */
static int signing_key(const struct sigv4_scope *scope, const char *secret,
                       unsigned char key[SHA256_BYTES], struct error *err)
{
    const struct {
        const char *text;
        size_t len;
    } parts[] = {{scope->timestamp, strnlen(scope->timestamp, 8)},
                 {scope->region, strlen(scope->region)},
                 {scope->service, strlen(scope->service)},
                 {"aws4_request", 12}};
    struct buf first;
    buf_init(&first, BUF_MAX_LINE);
    buf_addf(&first, "AWS4%s", secret);
    int rc = buf_check(&first, err);
    const void *from = buf_str(&first);
    size_t from_len = first.len;
    unsigned char next[SHA256_BYTES];
    for (size_t i = 0; !rc && i < sizeof parts / sizeof *parts; i++) {
        rc = crypto_hmac_sha256(from, from_len, parts[i].text, parts[i].len, next, err);
        if (!rc)
            memcpy(key, next, sizeof next);
        from = key;
        from_len = SHA256_BYTES;
    }
    if (first.data)
        explicit_bzero(first.data, first.cap);
    buf_free(&first);
    return rc;
}

int sigv4_signature(const struct sigv4_scope *scope, const char *secret_access_key,
                    const struct buf *string_to_sign, char out[SHA256_HEX], struct error *err)
{
    unsigned char key[SHA256_BYTES] = {0};
    unsigned char mac[SHA256_BYTES];
    int rc = signing_key(scope, secret_access_key, key, err);
    if (!rc)
        rc = crypto_hmac_sha256(key, sizeof key, buf_str(string_to_sign), string_to_sign->len, mac,
                                err);
    if (!rc)
        crypto_hex(mac, sizeof mac, out);
    explicit_bzero(key, sizeof key);
    return rc;
}

/* The four steps of Signature Version 4, in order. Source: "Create a signed AWS API request", IAM
 * User Guide. */
int sigv4_authorization(const struct sigv4_request *req, const struct sigv4_scope *scope,
                        const struct sigv4_credentials *cred, struct buf *out, struct error *err)
{
    char signature[SHA256_HEX];
    struct buf canonical, to_sign;
    buf_init(&canonical, 4 * BUF_MAX_LINE);
    buf_init(&to_sign, BUF_MAX_LINE);
    int rc = sigv4_canonical(req, &canonical, err);
    if (!rc)
        rc = sigv4_string_to_sign(scope, &canonical, &to_sign, err);
    if (!rc)
        rc = sigv4_signature(scope, cred->secret_access_key, &to_sign, signature, err);
    if (!rc) {
        buf_addf(out, "%s Credential=%s/", algorithm, cred->access_key_id);
        add_scope(out, scope);
        buf_adds(out, ", SignedHeaders=");
        rc = sigv4_signed_headers(req, out, err);
        buf_addf(out, ", Signature=%s", signature);
    }
    buf_free(&to_sign);
    buf_free(&canonical);
    return rc ? rc : buf_check(out, err);
}
