/* server/local/s3: checksums, aws-chunked, ranges, ETag lists, decoding, bucket names. */
#include "server/local/s3/s3d_checksum.h"
#include "server/local/s3/s3d_chunked.h"
#include "server/local/s3/s3d_ops.h"

#include <criterion/criterion.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof *(array))

Test(s3d_pieces, checksums_have_their_published_check_values)
{
    /* "123456789": CRC catalogue (CRC-32/ISO-HDLC, CRC-32/ISCSI, CRC-64/NVME), SHA by sha1sum and
     * sha256sum. */
    static const struct {
        const char *name, *sum;
    } cases[] = {
        {"CRC32", "y/Q5Jg=="},
        {"x-amz-checksum-crc32c", "4waSgw=="},
        {"ChecksumCRC64NVME", "rosUhgp5mIg="},
        {"sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="},
        {"SHA256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
    };
    struct s3d_crc_tables tables;
    struct s3d_checksum c;
    char sum[S3_SUM_TEXT];
    s3d_crc_tables_fill(&tables);
    for (size_t i = 0; i < N(cases); i++) {
        const enum s3d_checksum_kind kind = s3d_checksum_kind(cases[i].name);
        cr_assert_neq(kind, S3_SUM_NONE, "%s", cases[i].name);
        cr_assert_eq(s3d_checksum_open(&c, kind, &tables, NULL), 0);
        cr_assert_eq(s3d_checksum_add(&c, "1234", 4, NULL), 0);
        cr_assert_eq(s3d_checksum_add(&c, "56789", 5, NULL), 0);
        s3d_checksum_end(&c, sum);
        s3d_checksum_close(&c);
        cr_expect_str_eq(sum, cases[i].sum, "%s: %s", cases[i].name, sum);
    }
    cr_expect_eq(s3d_checksum_kind("md5"), S3_SUM_NONE);
}

struct decoded {
    char data[256], trailers[256];
};

static void take_data(void *ctx, const void *bytes, size_t len)
{
    struct decoded *d = ctx;
    strncat(d->data, bytes, len);
}

static void take_trailer(void *ctx, const char *name, const char *value)
{
    struct decoded *d = ctx;
    strncat(d->trailers, name, 100);
    strncat(d->trailers, "=", 2);
    strncat(d->trailers, value, 100);
}

Test(s3d_pieces, chunked_bodies_decode_however_they_are_cut)
{
    static const struct {
        const char *body, *data, *trailers;
        bool complete;
    } cases[] = {
        {"0\r\n\r\n", "", "", true},
        {"5;chunk-signature=ab\r\nhello\r\n0;chunk-signature=cd\r\n\r\n", "hello", "", true},
        {"5\r\nhello\r\nA\r\n0123456789\r\n0\r\na:b\r\n\r\n", "hello0123456789", "a=b", true},
        {"1\r\nx\r\n0\r\nsum: v==\n\r\n", "x", "sum=v==", true},
        {"1\r\nx\r\n0\r\n", "x", "", true},
        {"5\r\nhell", "hell", "", false},
        {"5\r\nhello\r\n", "hello", "", false},
        {"5\r\nhelloX\r\n0\r\n\r\n", "hello", "", false},
        {"x\r\n", "", "", false},
        {"-1\r\n", "", "", false},
        {"0x5\r\nhello\r\n0\r\n\r\n", "", "", false},
        {"11111111111111111\r\n", "", "", false},
        {"0\r\n\r\nmore", "", "", false},
        {"0\r\nno colon\r\n\r\n", "", "", false},
    };
    for (size_t i = 0; i < N(cases); i++) {
        const size_t len = strlen(cases[i].body);
        for (size_t step = 1; step <= len; step++) {
            struct decoded d = {.data = ""};
            struct s3d_chunked c = {.data = take_data, .trailer = take_trailer, .ctx = &d};
            for (size_t at = 0; at < len; at += step)
                s3d_chunked_add(&c, cases[i].body + at, len - at < step ? len - at : step);
            cr_expect_eq(s3d_chunked_complete(&c), cases[i].complete, "case %zu by %zu", i, step);
            cr_expect_str_eq(d.data, cases[i].data, "case %zu by %zu: %s", i, step, d.data);
            cr_expect_str_eq(d.trailers, cases[i].trailers, "case %zu by %zu", i, step);
        }
    }
}

Test(s3d_pieces, ranges_are_read_against_the_size)
{
    static const struct {
        const char *header;
        uint64_t size;
        enum s3d_range range;
        uint64_t from, len;
    } cases[] = {
        {NULL, 10, S3_RANGE_NONE, 0, 0},
        {"bytes=0-0", 10, S3_RANGE_PART, 0, 1},
        {"bytes=2-5", 10, S3_RANGE_PART, 2, 4},
        {"bytes=2-", 10, S3_RANGE_PART, 2, 8},
        {"bytes=2-999", 10, S3_RANGE_PART, 2, 8},
        {"bytes=0-18446744073709551615", 10, S3_RANGE_PART, 0, 10},
        {"bytes=-3", 10, S3_RANGE_PART, 7, 3},
        {"bytes=-30", 10, S3_RANGE_PART, 0, 10},
        {"bytes=10-", 10, S3_RANGE_BAD, 0, 0},
        {"bytes=-0", 10, S3_RANGE_BAD, 0, 0},
        {"bytes=0-", 0, S3_RANGE_BAD, 0, 0},
        {"bytes=5-2", 10, S3_RANGE_NONE, 0, 0},
        {"bytes=0-1,3-4", 10, S3_RANGE_NONE, 0, 0},
        {"bytes=", 10, S3_RANGE_NONE, 0, 0},
        {"bytes=a-b", 10, S3_RANGE_NONE, 0, 0},
        {"bytes=99999999999999999999-", 10, S3_RANGE_NONE, 0, 0},
        {"lines=0-1", 10, S3_RANGE_NONE, 0, 0},
    };
    for (size_t i = 0; i < N(cases); i++) {
        uint64_t from = 0, len = 0;
        const enum s3d_range range = s3d_read_range(cases[i].header, cases[i].size, &from, &len);
        cr_expect_eq(range, cases[i].range, "%s", cases[i].header);
        if (range == S3_RANGE_PART) {
            cr_expect_eq(from, cases[i].from, "%s", cases[i].header);
            cr_expect_eq(len, cases[i].len, "%s", cases[i].header);
        }
    }
}

Test(s3d_pieces, etag_lists)
{
    static const struct {
        const char *header;
        bool matches;
    } cases[] = {
        {"\"abc\"", true},
        {"abc", true},
        {"*", true},
        {"W/\"abc\"", true},
        {"\"x\", \"abc\"", true},
        {"\"ab\"", false},
        {"\"abcd\"", false},
        {"", false},
        {"\"", false},
        {"\"x\",\"y\"", false},
        {"\"abc", true},
    };
    for (size_t i = 0; i < N(cases); i++)
        cr_expect_eq(s3d_etag_matches(cases[i].header, "abc"), cases[i].matches, "%s",
                     cases[i].header);
    cr_expect_not(s3d_etag_matches("*", ""), "nothing is there to match");
}

Test(s3d_pieces, keys_are_decoded_strictly)
{
    static const struct {
        const char *text, *key; /* NULL: refused */
    } cases[] = {
        {"a/b", "a/b"},
        {"a%2Fb", "a/b"},
        {"a+b", "a+b"},
        {"%C3%A9", "\xc3\xa9"},
        {"%f0%9f%98%80", "\xf0\x9f\x98\x80"},
        {"%00", NULL},
        {"%", NULL},
        {"%4", NULL},
        {"%zz", NULL},
        {"%ff", NULL},
        {"%c0%80", NULL},
        {"%ed%a0%80", NULL},
        {"%f4%90%80%80", NULL},
        {"%e2%82", NULL},
        {"%c3", NULL},
    };
    char out[16];
    for (size_t i = 0; i < N(cases); i++) {
        const int rc = s3d_decode(cases[i].text, strlen(cases[i].text), out, sizeof out);
        cr_expect_eq(rc == 0, cases[i].key != NULL, "%s", cases[i].text);
        if (rc == 0 && cases[i].key)
            cr_expect_str_eq(out, cases[i].key, "%s", cases[i].text);
    }
    cr_expect_eq(s3d_decode("0123456789abcdef", 16, out, sizeof out), -1, "no room");
}

Test(s3d_pieces, bucket_names)
{
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {
        {"abc", true},
        {"a-b.c1", true},
        {"123", true},
        {"ab", false},
        {"Abc", false},
        {"a_b", false},
        {"-ab", false},
        {"ab-", false},
        {"a..b", false},
        {".ab", false},
        {"1.2.3.4", false},
        {"1.2.3.a", true},
        {"", false},
        {"a/b", false},
        {"a b", false},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };
    for (size_t i = 0; i < N(cases); i++)
        cr_expect_eq(s3d_bucket_name_valid(cases[i].name), cases[i].valid, "%s", cases[i].name);
}
