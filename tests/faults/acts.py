"""What a rule of the proxy can do to a call: act(call, forward) -> Reply, or None for a reset."""
import dataclasses
import datetime
import json
import time

from tests.faults.replies import BROKEN, THROTTLES, Reply, refuse

TOO_SKEWED = 300  # seconds AWS allows


def throttle(call, _forward):
    """The service's own code for too many calls."""
    status, code = THROTTLES.get(call.service, (400, "ThrottlingException"))
    return refuse(call.service, status, code, "Rate exceeded")


def rate_exceeded(call, _forward):
    """Throttling in disguise, as RunTask tells it."""
    return refuse(call.service, 400, "ClientException",
                  "Rate exceeded (Service: AmazonECS; Status Code: 400)")


def server_error(call, _forward):
    return refuse(call.service, 500, BROKEN.get(call.service, "InternalFailure"), "try again")


def html_502(_call, _forward):
    return Reply(502, (("Content-Type", "text/html"),), b"<html><h1>502 Bad Gateway</h1></html>")


def slow_down(call, _forward):
    return refuse(call.service, 503, "SlowDown", "Please reduce your request rate.")


def copy_error_200(_call, _forward):
    """S3 says 200 before it copies: what went wrong then is in the body."""
    return Reply(200, (("Content-Type", "application/xml"),),
                 b"<Error><Code>InternalError</Code><Message>We encountered an internal error. "
                 b"Please try again.</Message></Error>")


def expired_token(call, _forward):
    code = "ExpiredToken" if call.service == "s3" else "ExpiredTokenException"
    return refuse(call.service, 400, code,
                  "The security token included in the request is expired")


def reset_before(_call, _forward):
    return None


def lost_answer(_call, forward):
    """Carried out, and nobody is told."""
    forward()


def truncate(_call, forward):
    reply = forward()
    if reply.length is not None:
        return reply  # a HEAD's answer has no body to cut
    return dataclasses.replace(reply, body=reply.body + b" ", cut=len(reply.body) // 2)


def bad_crc(_call, forward):
    reply = forward()
    headers = [(k, v) for k, v in reply.headers if k.lower() != "x-amz-crc32"]
    return dataclasses.replace(reply, headers=(*headers, ("x-amz-crc32", "1")))


def slow(seconds):
    def slow_reply(_call, forward):
        reply = forward()
        time.sleep(seconds)  # the fault itself
        return reply

    return slow_reply


def refuse_task(reason):
    """RunTask says 200 and starts nothing."""
    def run_task_failures(_call, _forward):
        body = json.dumps({"tasks": [], "failures": [
            {"arn": "arn:aws:ecs:us-east-1:000000000000:container-instance/1", "reason": reason}]})
        return Reply(200, (("Content-Type", "application/x-amz-json-1.1"),), body.encode())

    return run_task_failures


def clock_of(skew):
    """A service whose clock is `skew` seconds ahead: refuses what was signed by another one."""
    def wrong_time(call, forward):
        signed = datetime.datetime.strptime(call.headers.get("X-Amz-Date"), "%Y%m%dT%H%M%SZ")
        signed = signed.replace(tzinfo=datetime.timezone.utc).timestamp()
        if abs(time.time() + skew - signed) <= TOO_SKEWED:
            return forward()
        if call.service == "s3":
            return refuse("s3", 403, "RequestTimeTooSkewed", "The difference between the request "
                          "time and the current time is too large.")
        return refuse(call.service, 400, "InvalidSignatureException",
                      "Signature expired: it is not within 5 minutes of the current time")

    return wrong_time


def kill_caller(who, after=False):
    """kill -9 of the process that calls, before its call is carried out or after."""
    def killed(call, forward):
        if after:
            forward()
        who.kill(call.port)

    return killed
