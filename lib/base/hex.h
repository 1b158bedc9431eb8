/* hex: reading hexadecimal digits. Pure functions; any thread. (Writing: crypto_hex.) */
#ifndef STEPFLEET_BASE_HEX_H
#define STEPFLEET_BASE_HEX_H

/* 0 to 15 for 0-9, a-f and A-F, -1 for every other character, NUL included: so the digits of an
 * escape can be read one after the other without looking for the end of the text first. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

#endif
