"""What a service answers when it refuses, in its own protocol; and which operation a request is."""
import dataclasses
import json
import re
import urllib.parse

# Codes by which each service says that it is called too often: (status, code).
THROTTLES = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "streams": (400, "LimitExceededException"),
    "ecs": (400, "ThrottlingException"),
    "states": (400, "ThrottlingException"),
    "lambda": (429, "TooManyRequestsException"),
    "s3": (503, "SlowDown"),
}
BROKEN = {"dynamodb": "InternalServerError", "streams": "InternalServerError",
          "ecs": "ServerException", "states": "InternalFailure", "lambda": "ServiceException",
          "s3": "InternalError"}
TARGETS = {"DynamoDB_20120810": "dynamodb", "DynamoDBStreams_20120810": "streams",
           "AWSStepFunctions": "states", "AmazonEC2ContainerServiceV20141113": "ecs"}


@dataclasses.dataclass(frozen=True)
class Reply:
    """cut: how many bytes of the body are sent before the connection is closed (None: all).
    length: what Content-Length says where there is no body (HEAD)."""
    status: int
    headers: tuple = ()
    body: bytes = b""
    cut: int | None = None
    length: int | None = None


def name_s3(method, query, headers):
    if method == "PUT":
        if "uploadId" in query:
            return "UploadPartCopy" if "x-amz-copy-source" in headers else "UploadPart"
        return "CopyObject" if "x-amz-copy-source" in headers else "PutObject"
    if method == "POST":
        return "CompleteMultipartUpload" if "uploadId" in query else "CreateMultipartUpload"
    return {"GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, method)


def name_call(method, path, headers):
    """(service, operation) of a request."""
    target = headers.get("X-Amz-Target")
    if target:
        prefix, _, operation = target.partition(".")
        return TARGETS.get(prefix, prefix), operation
    if path.startswith("/2015-03-31/functions/"):
        return "lambda", "Invoke"
    credential = re.search(r"Credential=[^/]*/\d+/[^/]*/([^/]+)/", headers.get("Authorization", ""))
    if credential and credential[1] == "sts":
        return "sts", "GetCallerIdentity"
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query, keep_blank_values=True)
    return "s3", name_s3(method, query, headers)


def refuse(service, status, code, message):
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        return Reply(status, (("Content-Type", "application/xml"),), body)
    body = json.dumps({"__type": code, "message": message}).encode()
    return Reply(status, (("Content-Type", "application/x-amz-json-1.0"),
                          ("x-amzn-ErrorType", code)), body)
