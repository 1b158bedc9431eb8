/* ddb_definition: what CreateTable asks for, checked, and how DescribeTable shows it. Pure.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_DEFINITION_H
#define STEPFLEET_DDB_DEFINITION_H

#include "server/local/dynamodb/ddb_table.h"

/* Reads a CreateTable input: its table name (borrowed) and the definition to keep, a new
 * reference. NULL with ValidationException. */
json_t *ddb_definition_read(json_t *input, const char **name, struct ddb_fault *f);
/* -1 with ValidationException unless it is 3 to 255 of the characters a-z A-Z 0-9 _ . - */
int ddb_table_name_check(const char *name, struct ddb_fault *f);
/* A StreamSpecification (NULL: none) must name a view if it enables, and only then. */
int ddb_definition_check_stream(json_t *stream, struct ddb_fault *f);
/* A TableDescription; NULL when memory is out. */
json_t *ddb_definition_describe(const struct ddb_table *t, const char *region, const char *status,
                                int64_t items, int64_t bytes);

#endif
