/* ddb_number: DynamoDB's numbers: exact decimals of up to 38 significant digits. Pure functions.
 *
 * The range is +-1E-130 .. 9.99...E+125 (aws: "Naming rules and data types", Number). Nothing here
 * goes through a double. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_NUMBER_H
#define STEPFLEET_DDB_NUMBER_H

#include "server/local/dynamodb/ddb_fault.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    DDB_DIGITS_MAX = 38,
    DDB_NUMBER_TEXT_MAX = 180, /* "-0." + 129 zeros + 38 digits + NUL */
    DDB_NUMBER_KEY_MAX = 24,   /* sign, exponent (2), 19 pairs of digits, end mark */
};

/* +-0.d1d2d3... * 10^exponent; d1 and the last digit are not 0; zero has no digits. */
struct ddb_number {
    bool negative;
    int exponent;
    size_t count;
    unsigned char digits[DDB_DIGITS_MAX];
};

/* Reads "12", "-1.50", "+.5e-3"; -1 with DynamoDB's wording for what is no number, has too many
 * digits or is out of range. */
int ddb_number_read(const char *text, size_t len, struct ddb_number *n, struct ddb_fault *f);
/* Writes the one plain form ("1500", "-0.003") with a NUL; returns its length. */
size_t ddb_number_write(const struct ddb_number *n, char out[DDB_NUMBER_TEXT_MAX]);

/* < 0, 0, > 0 as memcmp. */
int ddb_number_compare(const struct ddb_number *a, const struct ddb_number *b);
/* sum = a + b, or a - b; -1 if the exact result does not fit. `sum` may be a or b. */
int ddb_number_add(const struct ddb_number *a, const struct ddb_number *b, struct ddb_number *sum,
                   struct ddb_fault *f);
/* difference = a - b, otherwise as ddb_number_add. */
int ddb_number_subtract(const struct ddb_number *a, const struct ddb_number *b,
                        struct ddb_number *difference, struct ddb_fault *f);

/* Writes bytes whose memcmp order (a prefix comes first) is the numeric order; returns how many. */
size_t ddb_number_key(const struct ddb_number *n, unsigned char out[DDB_NUMBER_KEY_MAX]);

#endif
