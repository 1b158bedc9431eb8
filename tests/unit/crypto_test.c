/* lib/crypto: digests against published values, encodings, random bytes. */
#include "lib/crypto/crypto.h"

#include <criterion/criterion.h>
#include <string.h>

static const char abc_sha256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

Test(crypto, sha256_of_known_texts)
{
    struct error err = {0};
    char hex[SHA256_HEX];
    cr_assert_eq(crypto_sha256_hex("abc", 3, hex, &err), 0);
    cr_assert_str_eq(hex, abc_sha256);
    cr_assert_eq(crypto_sha256_hex("", 0, hex, &err), 0);
    cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

Test(crypto, hmac_of_rfc_4231_case_2)
{
    struct error err = {0};
    unsigned char mac[SHA256_BYTES];
    char hex[SHA256_HEX];
    const char *text = "what do ya want for nothing?";
    cr_assert_eq(crypto_hmac_sha256("Jefe", 4, text, strlen(text), mac, &err), 0);
    crypto_hex(mac, sizeof mac, hex);
    cr_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

Test(crypto, digests_in_pieces)
{
    static const struct {
        enum digest_kind kind;
        const char *hex;
    } cases[] = {
        {DIGEST_SHA256, abc_sha256},
        {DIGEST_MD5, "900150983cd24fb0d6963f7d28e17f72"},
        {DIGEST_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {DIGEST_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                        "8086072ba1e7cc2358baeca134c825a7"},
        {DIGEST_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        unsigned char out[DIGEST_BYTES_MAX];
        char hex[2 * DIGEST_BYTES_MAX + 1];
        struct digest *d = digest_new(cases[i].kind, &err);
        cr_assert_not_null(d, "%s", err.message);
        cr_assert_eq(digest_add(d, "a", 1, &err), 0);
        cr_assert_eq(digest_add(d, "bc", 2, &err), 0);
        crypto_hex(out, digest_end(d, out), hex);
        cr_assert_str_eq(hex, cases[i].hex);
        cr_assert_null(digest_free(d));
    }
    cr_assert_null(digest_free(NULL));
}

Test(crypto, crc32_check_value_and_pieces)
{
    cr_assert_eq(crypto_crc32(0, "123456789", 9), 0xcbf43926u);
    cr_assert_eq(crypto_crc32(crypto_crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
    cr_assert_eq(crypto_crc32(0, "{}", 2), 2745614147u); /* what DynamoDB sends with "{}" */
}

Test(crypto, base64_both_ways)
{
    static const struct {
        const char *plain;
        const char *text;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        char text[32];
        unsigned char plain[32];
        size_t len = strlen(cases[i].plain);
        size_t got = 99;
        crypto_base64(cases[i].plain, len, text);
        cr_assert_str_eq(text, cases[i].text);
        cr_assert_eq(crypto_base64_size(len), strlen(text) + 1);
        cr_assert_eq(crypto_base64_decode(text, strlen(text), plain, &got, &err), 0);
        cr_assert_eq(got, len);
        cr_assert_eq(memcmp(plain, cases[i].plain, len), 0);
    }
}

Test(crypto, base64_decoding_is_strict)
{
    static const char *const bad[] = {"Z", "Zg=", "Zg", "Zm 9", "Zg==Zg==", "=Zg=", "====", "Zm-_"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        unsigned char out[32];
        size_t len = 0;
        cr_assert_eq(crypto_base64_decode(bad[i], strlen(bad[i]), out, &len, &err), -1, "%s",
                     bad[i]);
        cr_assert_eq(err.code, ERR_SYNTAX);
    }
}

Test(crypto, uuids_are_version_4_and_differ)
{
    struct error err = {0};
    char a[UUID_TEXT], b[UUID_TEXT];
    cr_assert_eq(crypto_uuid(a, &err), 0);
    cr_assert_eq(crypto_uuid(b, &err), 0);
    cr_assert_eq(strlen(a), (size_t)UUID_TEXT - 1);
    cr_assert_eq(a[8], '-');
    cr_assert_eq(a[14], '4');
    cr_assert_not_null(strchr("89ab", a[19]));
    cr_assert_str_neq(a, b);
}

Test(crypto, random_units_stay_in_range)
{
    double low = 1, high = 0;
    for (int i = 0; i < 1000; i++) {
        double x = crypto_random_unit();
        cr_assert(x >= 0 && x < 1);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    cr_assert(low < 0.1 && high > 0.9, "1000 draws between %f and %f", low, high);
}

Test(crypto, equal_compares)
{
    cr_assert(crypto_equal("abc", "abc", 3));
    cr_assert_not(crypto_equal("abc", "abd", 3));
}
