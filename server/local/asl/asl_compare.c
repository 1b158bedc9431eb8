/* Order and equality of JSON values where jansson's json_equal is too strict about numbers: a
 * filter says 1 == 1.0, as Jayway does. */
#include "server/local/asl/asl_compare.h"

#include <string.h>

/* Two integers are compared as such: as doubles, large neighbours would be equal. */
int asl_compare_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return (x > y) - (x < y);
    }
    double x = json_number_value(a), y = json_number_value(b);
    return (x > y) - (x < y);
}

int asl_compare_texts(const json_t *a, const json_t *b)
{
    size_t x = json_string_length(a), y = json_string_length(b);
    /* UTF-8 sorts by code point when it is compared byte by byte. */
    int order = memcmp(json_string_value(a), json_string_value(b), x < y ? x : y);
    return order ? order : (x > y) - (x < y);
}

/* Inside of containers json_equal decides: 1 and 1.0 differ there. */
bool asl_values_equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return asl_compare_numbers(a, b) == 0;
    return json_equal(a, b);
}
