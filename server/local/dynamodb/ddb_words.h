/* ddb_words: the words that DynamoDB reserves in expressions (aws: "Reserved words in DynamoDB").
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_WORDS_H
#define STEPFLEET_DDB_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* True if the word of `len` bytes is reserved, in any case. Pure. */
bool ddb_word_reserved(const char *word, size_t len);

#endif
