/* OpenSSL does the digests; encodings and CRC are short enough to be our own. */
#include "lib/crypto/crypto.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int crypto_sha256(const void *data, size_t len, unsigned char out[SHA256_BYTES], struct error *err)
{
    if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1)
        return 0;
    return err_set(err, ERR_INTERNAL, "SHA-256 of %zu bytes failed in OpenSSL", len);
}

int crypto_sha256_hex(const void *data, size_t len, char out[SHA256_HEX], struct error *err)
{
    unsigned char digest[SHA256_BYTES];
    if (crypto_sha256(data, len, digest, err))
        return -1;
    crypto_hex(digest, sizeof digest, out);
    return 0;
}

int crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       unsigned char out[SHA256_BYTES], struct error *err)
{
    if (key_len > INT_MAX)
        return err_set(err, ERR_LIMIT, "an HMAC key of %zu bytes is too long", key_len);
    if (HMAC(EVP_sha256(), key, (int)key_len, data, len, out, NULL))
        return 0;
    return err_set(err, ERR_INTERNAL, "HMAC-SHA-256 of %zu bytes failed in OpenSSL", len);
}

/* Incremental hashing: begin, add pieces as they come, end. */
struct digest {
    EVP_MD_CTX *ctx;
};

/* MD5 and SHA-1 are here because S3's checksums are made of them, not for security. */
static const EVP_MD *digest_md(enum digest_kind kind)
{
    switch (kind) {
    case DIGEST_SHA256:
        return EVP_sha256();
    case DIGEST_MD5:
        return EVP_md5();
    case DIGEST_SHA1:
        return EVP_sha1();
    case DIGEST_SHA384:
        return EVP_sha384();
    case DIGEST_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

struct digest *digest_new(enum digest_kind kind, struct error *err)
{
    const EVP_MD *md = digest_md(kind);
    if (!md) {
        err_set(err, ERR_ARGUMENT, "there is no digest number %d", (int)kind);
        return NULL;
    }
    struct digest *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(err, ERR_MEMORY, "out of memory for a digest");
        return NULL;
    }
    d->ctx = EVP_MD_CTX_new();
    if (!d->ctx || EVP_DigestInit_ex(d->ctx, md, NULL) != 1) {
        err_set(err, ERR_INTERNAL, "OpenSSL could not start a digest");
        return digest_free(d);
    }
    return d;
}

int digest_add(struct digest *d, const void *data, size_t len, struct error *err)
{
    if (EVP_DigestUpdate(d->ctx, data, len) == 1)
        return 0;
    return err_set(err, ERR_INTERNAL, "OpenSSL could not go on with a digest");
}

/* The digest cannot be added to afterwards. */
size_t digest_end(struct digest *d, unsigned char out[DIGEST_BYTES_MAX])
{
    unsigned len = 0;
    if (EVP_DigestFinal_ex(d->ctx, out, &len) != 1)
        return 0;
    return len;
}

struct digest *digest_free(struct digest *d)
{
    if (d)
        EVP_MD_CTX_free(d->ctx);
    free(d);
    return NULL;
}

uint32_t crypto_crc32(uint32_t crc, const void *data, size_t len)
{
    /* Four bits a step: a table small enough to read, and fast enough for 1 MB pages. */
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const unsigned char *p = data;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

void crypto_hex(const unsigned char *data, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex_digits[data[i] >> 4];
        out[2 * i + 1] = hex_digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

size_t crypto_base64_size(size_t len)
{
    return (len + 2) / 3 * 4 + 1;
}

/* Three bytes are four digits; what is left at the end is filled up with '='. */
void crypto_base64(const void *data, size_t len, char *out)
{
    const unsigned char *p = data;
    for (; len >= 3; len -= 3, p += 3) {
        uint32_t word = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *out++ = base64_digits[word >> 18];
        *out++ = base64_digits[word >> 12 & 63];
        *out++ = base64_digits[word >> 6 & 63];
        *out++ = base64_digits[word & 63];
    }
    if (len > 0) {
        uint32_t word = (uint32_t)p[0] << 16 | (len == 2 ? (uint32_t)p[1] << 8 : 0);
        *out++ = base64_digits[word >> 18];
        *out++ = base64_digits[word >> 12 & 63];
        *out++ = len == 2 ? base64_digits[word >> 6 & 63] : '=';
        *out++ = '=';
    }
    *out = '\0';
}

/* The six bits a digit stands for, or -1. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Decodes four digits; the last `pad` of them are '='. Writes 3 - pad bytes. */
static bool decode_group(const char *text, size_t pad, unsigned char *out)
{
    uint32_t word = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - pad ? base64_value(text[i]) : 0;
        if (value < 0)
            return false;
        word = word << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i < 3 - pad; i++)
        out[i] = (unsigned char)(word >> (16 - 8 * i) & 255);
    return true;
}

/* Strict: no white space, padding only at the end, nothing of another alphabet. */
int crypto_base64_decode(const char *text, size_t len, unsigned char *out, size_t *out_len,
                         struct error *err)
{
    size_t pad = 0;
    *out_len = 0;
    if (len % 4 != 0)
        return err_set(err, ERR_SYNTAX, "the length of base64 must be a multiple of 4, not %zu",
                       len);
    if (len > 0 && text[len - 1] == '=')
        pad = text[len - 2] == '=' ? 2 : 1;
    for (size_t at = 0; at < len; at += 4) {
        size_t here = at + 4 == len ? pad : 0;
        if (!decode_group(text + at, here, out + *out_len))
            return err_set(err, ERR_SYNTAX, "near byte %zu: not a base64 digit", at);
        *out_len += 3 - here;
    }
    return 0;
}

int crypto_random(void *out, size_t len, struct error *err)
{
    unsigned char *p = out;
    while (len > 0) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_set_errno(err, "asking for %zu random bytes", len);
        p += got;
        len -= (size_t)got;
    }
    return 0;
}

/* Version 4: all random but the bits that say so (RFC 9562, section 5.4). */
int crypto_uuid(char out[UUID_TEXT], struct error *err)
{
    unsigned char b[16];
    char hex[2 * sizeof b + 1];
    if (crypto_random(b, sizeof b, err))
        return -1;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    crypto_hex(b, sizeof b, hex);
    (void)snprintf(out, UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
    return 0;
}

/* Without random numbers the middle is as good as any: it is used to spread retries only. */
double crypto_random_unit(void)
{
    uint64_t bits = 0;
    if (crypto_random(&bits, sizeof bits, NULL))
        return 0.5;
    return (double)(bits >> 11) / 9007199254740992.0; /* 53 bits over 2^53 */
}

/* In constant time: how long it takes must not tell how much of a signature was right. */
bool crypto_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
