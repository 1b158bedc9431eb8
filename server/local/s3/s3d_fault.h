/* s3d_fault: the errors S3 answers with, in one table. Private to server/local/s3. */
#ifndef STEPFLEET_S3D_FAULT_H
#define STEPFLEET_S3D_FAULT_H

/* code, HTTP status, name on the wire, text when there is nothing better to say. */
#define S3_FAULT_TABLE(X)                                                                          \
    X(S3_OK, 200, "OK", "")                                                                        \
    X(S3_ACCESS_DENIED, 403, "AccessDenied", "Access Denied")                                      \
    X(S3_BAD_DIGEST, 400, "BadDigest",                                                             \
      "The Content-MD5 or checksum you specified did not match what we received.")                 \
    X(S3_BUCKET_EXISTS, 409, "BucketAlreadyOwnedByYou",                                            \
      "Your previous request to create the named bucket succeeded and you already own it.")        \
    X(S3_BUCKET_NOT_EMPTY, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty.")  \
    X(S3_ENTITY_TOO_LARGE, 400, "EntityTooLarge",                                                  \
      "Your proposed upload exceeds the maximum allowed size.")                                    \
    X(S3_ENTITY_TOO_SMALL, 400, "EntityTooSmall",                                                  \
      "Your proposed upload is smaller than the minimum allowed object size.")                     \
    X(S3_ILLEGAL_LOCATION, 400, "IllegalLocationConstraintException",                              \
      "The location constraint is incompatible with the region this endpoint stands for.")         \
    X(S3_INCOMPLETE_BODY, 400, "IncompleteBody",                                                   \
      "The request body is not the size or the form its headers promised.")                        \
    X(S3_INTERNAL, 500, "InternalError", "We encountered an internal error. Please try again.")    \
    X(S3_INVALID_ARGUMENT, 400, "InvalidArgument", "Invalid Argument")                             \
    X(S3_INVALID_BUCKET_NAME, 400, "InvalidBucketName", "The specified bucket is not valid.")      \
    X(S3_INVALID_DIGEST, 400, "InvalidDigest", "The Content-MD5 you specified is not valid.")      \
    X(S3_INVALID_PART, 400, "InvalidPart",                                                         \
      "One or more of the specified parts could not be found. The part may not have been "         \
      "uploaded, or the specified entity tag may not match the part's entity tag.")                \
    X(S3_INVALID_PART_ORDER, 400, "InvalidPartOrder",                                              \
      "The list of parts was not in ascending order. Parts must be ordered by part number.")       \
    X(S3_INVALID_RANGE, 416, "InvalidRange", "The requested range is not satisfiable")             \
    X(S3_INVALID_REQUEST, 400, "InvalidRequest", "Invalid Request")                                \
    X(S3_INVALID_URI, 400, "InvalidURI", "Couldn't parse the specified URI.")                      \
    X(S3_KEY_TOO_LONG, 400, "KeyTooLongError", "Your key is too long")                             \
    X(S3_MALFORMED_XML, 400, "MalformedXML",                                                       \
      "The XML you provided was not well-formed or did not validate against our published schema") \
    X(S3_METADATA_TOO_LARGE, 400, "MetadataTooLarge",                                              \
      "Your metadata headers exceed the maximum allowed metadata size")                            \
    X(S3_METHOD_NOT_ALLOWED, 405, "MethodNotAllowed",                                              \
      "The specified method is not allowed against this resource.")                                \
    X(S3_MISSING_LENGTH, 411, "MissingContentLength",                                              \
      "You must provide the Content-Length HTTP header.")                                          \
    X(S3_NO_SUCH_BUCKET, 404, "NoSuchBucket", "The specified bucket does not exist")               \
    X(S3_NO_SUCH_KEY, 404, "NoSuchKey", "The specified key does not exist.")                       \
    X(S3_NO_SUCH_UPLOAD, 404, "NoSuchUpload",                                                      \
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have " \
      "been aborted or completed.")                                                                \
    X(S3_NOT_IMPLEMENTED, 501, "NotImplemented",                                                   \
      "A header you provided implies functionality that is not implemented")                       \
    X(S3_NOT_MODIFIED, 304, "NotModified", "Not Modified")                                         \
    X(S3_PRECONDITION_FAILED, 412, "PreconditionFailed",                                           \
      "At least one of the pre-conditions you specified did not hold")                             \
    X(S3_SHA256_MISMATCH, 400, "XAmzContentSHA256Mismatch",                                        \
      "The provided 'x-amz-content-sha256' header does not match what was computed.")              \
    X(S3_SLOW_DOWN, 503, "SlowDown", "Please reduce your request rate.")

enum s3d_code {
#define X(code, status, name, text) code,
    S3_FAULT_TABLE(X)
#undef X
        S3_CODE_COUNT
};

/* The table's columns. */
int s3d_fault_status(enum s3d_code code);
/* The <Code> of the answer. */
const char *s3d_fault_name(enum s3d_code code);
/* The <Message> when the operation has nothing better to say. */
const char *s3d_fault_text(enum s3d_code code);

#endif
