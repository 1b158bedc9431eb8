/* crypto: digests, encodings and random bytes; the only door to OpenSSL.
 *
 * Pure functions without state, any thread. OpenSSL's own failures (out of memory) abort nothing:
 * they answer -1 where a function can say so. */
#ifndef STEPFLEET_CRYPTO_H
#define STEPFLEET_CRYPTO_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_HEX = 65, MD5_BYTES = 16, MD5_HEX = 33, UUID_TEXT = 37 };

/* SHA-256 of `len` bytes into out. -1 with ERR_INTERNAL if OpenSSL fails. */
int crypto_sha256(const void *data, size_t len, unsigned char out[SHA256_BYTES], struct error *err);
/* Lower-case hex of the SHA-256, NUL-terminated. */
int crypto_sha256_hex(const void *data, size_t len, char out[SHA256_HEX], struct error *err);
/* HMAC-SHA-256 of `len` bytes under a key of key_len bytes (0 is allowed). */
int crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       unsigned char out[SHA256_BYTES], struct error *err);

/* Which digest a running one computes. */
enum digest_kind { DIGEST_SHA256, DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA384, DIGEST_SHA512 };
enum { DIGEST_BYTES_MAX = 64 };

/* A digest fed in pieces (file uploads). One owner at a time. */
struct digest;
/* Starts a digest; the caller frees it. NULL with err set if memory is out. */
struct digest *digest_new(enum digest_kind kind, struct error *err);
/* Feeds the next piece. */
int digest_add(struct digest *d, const void *data, size_t len, struct error *err);
/* Writes up to DIGEST_BYTES_MAX bytes and returns their number, or 0 for a failure. Once only. */
size_t digest_end(struct digest *d, unsigned char out[DIGEST_BYTES_MAX]);
/* NULL-safe; returns NULL. */
struct digest *digest_free(struct digest *d);

/* CRC-32 (IEEE, as zlib and x-amz-crc32); start with 0 and pass the result on for the next piece.
 */
uint32_t crypto_crc32(uint32_t crc, const void *data, size_t len);

/* Writes 2*len hex digits and a NUL. */
void crypto_hex(const unsigned char *data, size_t len, char *out);
/* Bytes that the base64 of `len` bytes takes, NUL included. */
size_t crypto_base64_size(size_t len);
/* Standard base64 with padding and NUL; out has room for crypto_base64_size(len) bytes. */
void crypto_base64(const void *data, size_t len, char *out);
/* Strict decoding (padding required, no white space); out has room for len/4*3 bytes.
 * -1 with ERR_SYNTAX if text is not base64. */
int crypto_base64_decode(const char *text, size_t len, unsigned char *out, size_t *out_len,
                         struct error *err);

/* Random bytes from the system. */
int crypto_random(void *out, size_t len, struct error *err);
/* A version 4 UUID in lower case, NUL-terminated. */
int crypto_uuid(char out[UUID_TEXT], struct error *err);
/* A double in [0, 1) for jitter; 0.5 should the system have no random bytes. */
double crypto_random_unit(void);

/* Compares without telling by its duration where the difference is. */
bool crypto_equal(const void *a, const void *b, size_t len);

#endif
