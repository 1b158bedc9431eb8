/* utf8: cutting UTF-8 between two characters. A text that was cut within one is no JSON string: a
 * row with it cannot be written. Pure functions for texts that were UTF-8 before. */
#ifndef STEPFLEET_BASE_UTF8_H
#define STEPFLEET_BASE_UTF8_H

#include <stddef.h>

/* How many bytes of the text fit into `max` without a part of a character at the end. */
size_t utf8_fit(const char *text, size_t max);
/* Takes the part of a character off that a cut has left at the end. */
void utf8_mend(char *text);

#endif
