/* spec_rules: what single texts of a spec may look like. Private to lib/spec.
 *
 * Each rule answers NULL when the text is good, else a sentence that completes "this attribute
 * ..."; sentences are constants. Pure functions, any thread. */
#ifndef STEPFLEET_SPEC_RULES_H
#define STEPFLEET_SPEC_RULES_H

typedef const char *(*spec_rule_fn)(const char *text);

/* Bucket names, general purpose buckets. Source: Amazon S3 User Guide, "Bucket naming rules". */
const char *spec_rule_bucket(const char *text);
/* "us-east-1", "us-gov-west-1": lower-case letters, digits, hyphens, a digit at the end. */
const char *spec_rule_region(const char *text);
/* A DynamoDB key value, part of a log line and of an environment variable. */
const char *spec_rule_workflow_name(const char *text);
/* Source: DynamoDB API Reference, CreateTable, TableName. */
const char *spec_rule_table(const char *text);
/* Key attributes must not bear the name of an attribute that the workers write themselves. */
const char *spec_rule_summary_key(const char *text);
/* The same for the details table, whose rows have other attributes. */
const char *spec_rule_details_key(const char *text);
/* Cluster and task definition: a short name, family:revision, or an ARN. */
const char *spec_rule_ecs_name(const char *text);
/* Container names: letters, digits, '-' and '_'. */
const char *spec_rule_container(const char *text);
/* One piece of subnetIdLiteral, one piece of securityGroupId. */
const char *spec_rule_subnet(const char *text);
/* "sg-" and hexadecimal digits, as EC2 names them. */
const char *spec_rule_security_group(const char *text);
/* No control characters: the text becomes an environment variable and a line of a page. */
const char *spec_rule_plain(const char *text);

#endif
