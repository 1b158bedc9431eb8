/* utf8: characters of UTF-8, and cutting between two of them. A text that was cut within one is no
 * JSON string: a row with it cannot be written. Pure functions. */
#ifndef STEPFLEET_BASE_UTF8_H
#define STEPFLEET_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the character (beyond ASCII) that begins at `at`, where so many bytes are left; 0:
 * none does, or one that is too long for what it says, half a surrogate or beyond U+10FFFF. */
size_t utf8_character(const char *at, size_t left);
/* Writes a character (at most U+10FFFF) without a NUL; returns its length. */
size_t utf8_encode(uint32_t character, char out[4]);

/* The others are for texts that were UTF-8 before.
 * How many bytes of the text fit into `max` without a part of a character at the end. */
size_t utf8_fit(const char *text, size_t max);
/* Takes the part of a character off that a cut has left at the end. */
void utf8_mend(char *text);

#endif
