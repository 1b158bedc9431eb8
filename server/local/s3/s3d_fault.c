/* The table of faults, by code. Names and statuses are those of
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
#include "server/local/s3/s3d_fault.h"

static const struct {
    int status;
    const char *name;
    const char *text;
} table[] = {
#define X(code, status, name, text) [code] = {status, name, text},
    S3_FAULT_TABLE(X)
#undef X
};

int s3d_fault_status(enum s3d_code code)
{
    return table[code].status;
}

const char *s3d_fault_name(enum s3d_code code)
{
    return table[code].name;
}

const char *s3d_fault_text(enum s3d_code code)
{
    return table[code].text;
}
