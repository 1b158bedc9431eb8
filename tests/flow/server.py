"""A stepfleet process for a test: free ports, a temporary data folder, clients for both ports."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("STEPFLEET_BUILD", "build")
PROGRAM = BUILD / "stepfleet"
FINAL = {"Completed", "Failed", "Cancelled"}
# Nothing here measures time, so ceilings can be generous; sanitizers make programs several times slower.
PATIENCE = 300 if BUILD.name == "build" else 600
REPORT_MAX = 12000  # characters shown of each log with a sanitizer's report


def clean_environment(**more):
    """Our environment without anything that would steer stepfleet or an AWS client."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STEPFLEET_"))}
    return {**kept, **more}


def spec(pattern, /, **changes):
    """The example spec of a pattern as an object, with some members changed (None: removed)."""
    value = json.loads((ROOT / "specs" / f"pattern-{pattern}.json").read_text())
    for name, new in changes.items():
        if new is None:
            value.pop(name, None)
        else:
            value[name] = new
    return value


def find_report(text):
    """What a sanitizer wrote into the text, or ""."""
    found = re.search(r"^.*(Sanitizer:|: runtime error: )", text, re.M)
    return text[found.start():][:REPORT_MAX] if found else ""


def check_logs(folder):
    """Fails for any sanitizer's report in the logs below: of servers, functions and tasks."""
    reports = {log.relative_to(folder): find_report(log.read_text(errors="replace"))
               for log in sorted(folder.rglob("*.log"))}
    reports = [f"{name}:\n{report}" for name, report in reports.items() if report]
    if reports:
        raise AssertionError("sanitizers found something:\n" + "\n".join(reports))


def stopped_tasks(ecs, run_id, cluster="stepfleet"):
    """What ECS says of the tasks of a run that is over, once all have ended: each writes its last row
    before its process ends."""
    end = time.monotonic() + PATIENCE
    while True:
        arns = {arn for status in ("RUNNING", "STOPPED") for arn in ecs.list_tasks(
            cluster=cluster, desiredStatus=status, startedBy=f"stepfleet-{run_id}")["taskArns"]}
        tasks = ecs.describe_tasks(cluster=cluster, tasks=sorted(arns))["tasks"] if arns else []
        alive = [task["taskArn"] for task in tasks if task["lastStatus"] != "STOPPED"]
        if not alive:
            return tasks
        if time.monotonic() > end:
            raise AssertionError(f"tasks of run {run_id} go on: {alive}")
        time.sleep(0.05)  # polling ECS


def stop_within(ecs, seconds, family="s3-copy-task"):
    """From now on tasks have so many seconds between SIGTERM and SIGKILL."""
    known = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    container = {name: known["containerDefinitions"][0][name] for name in ("name", "image")}
    ecs.register_task_definition(family=family, networkMode=known["networkMode"],
                                 containerDefinitions=[{**container, "stopTimeout": seconds}])


def at_once(seconds, attempt, times=5):
    """Fails unless attempt(), which returns how long it took, is that fast one time at least: a machine
    that is busy makes it slow now and then, a defect each time."""
    took = []
    while len(took) < times and (not took or took[-1] >= seconds):
        took.append(attempt())
    if took[-1] >= seconds:
        raise AssertionError(f"it took {took} seconds, not less than {seconds}")


class Answer:
    def __init__(self, reply):
        self.status = reply.status
        self.headers = reply.headers
        self.body = reply.read()

    def json(self):
        return json.loads(self.body)


class Server:
    """Start with start(), end with stop() or kill(); the data folder stays until close().

    With local=False the options and the environment must say where AWS is."""

    def __init__(self, *options, environment=None, local=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-flow-"))
        self.data = self.folder / "data"
        self.options = ["--local", "--aws-listen", "127.0.0.1:0"] if local else []
        self.options += options
        self.announces = {"listening", "aws endpoint"} if local else {"listening"}
        self.environment = environment or {}
        self.process = None
        self.url = self.aws_url = None
        self.log = self.folder / "server.log"
        self.workers = None

    def use_workers(self, **scripts):
        """From the next start on: the built workers, some replaced by shell scripts."""
        self.workers = self.folder / "workers"
        self.workers.mkdir(exist_ok=True)
        for name in ("task-launcher", "task-monitor", "s3-copy-task"):
            path = self.workers / name
            path.unlink(missing_ok=True)
            if name in scripts:
                path.write_text("#!/bin/sh\n" + scripts[name])
                path.chmod(0o755)
            else:
                path.symlink_to(BUILD / name)

    def start(self):
        options = [*self.options, *(["--workers", self.workers] if self.workers else [])]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", self.data, *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=clean_environment(**self.environment), text=True, bufsize=1)
        lines = {}
        killer = threading.Timer(PATIENCE, self.process.kill)
        killer.start()
        try:
            while not self.announces <= set(lines):
                line = self.process.stdout.readline()
                if not line:
                    raise AssertionError(f"the server did not start: {self.read_log()}")
                words = line.strip().rsplit(" ", 1)
                lines[words[0]] = words[-1]
        finally:
            killer.cancel()
        self.url, self.aws_url = lines["listening"], lines.get("aws endpoint")
        return self

    def read_log(self):
        return self.log.read_text(errors="replace")[-4000:]

    def kill(self):
        """kill -9, as a crash."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self, how=signal.SIGTERM):
        """Ends it in order; returns (exit code, seconds it took)."""
        start = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()
        return code, time.monotonic() - start

    def close(self):
        """Ends it if it runs and removes the folder. It must have ended well, but for kill()."""
        try:
            if self.process and self.process.poll() is None:
                self.stop()
            check_logs(self.folder)
            if self.process and self.process.returncode not in (0, -signal.SIGKILL):
                raise AssertionError(f"it ended with {self.process.returncode}: {self.read_log()}")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, path, body=None, headers=None):
        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            sent = {"Content-Type": "application/json"} if body is not None else {}
            sent.update(headers or {})
            connection.request(method, path, body, sent)
            return Answer(connection.getresponse())

    def get(self, path, **headers):
        return self.call("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def submit(self, value, pattern=None, **headers):
        path = "/workflows" + (f"?pattern={pattern}" if pattern else "")
        return self.call("POST", path, value, {k.replace("_", "-"): v for k, v in headers.items()})

    def accept(self, value, pattern=None, **headers):
        """Submits a spec that must be accepted; returns the run's id."""
        answer = self.submit(value, pattern, **headers)
        if answer.status != 202:
            raise AssertionError(f"not accepted: {answer.status} {answer.body!r}")
        return answer.json()["workflowRunId"]

    def run(self, run_id):
        return self.get(f"/workflows/{run_id}").json()

    def wait(self, run_id, until=None):
        """Polls a run until it is over (or `until` says so); returns it. One that goes on is waited for."""
        start, version, end = time.monotonic(), None, 0
        while True:
            run = self.run(run_id)
            if until(run) if until else run["endedAt"]:
                return run
            if not end or run.get("version") != version:
                version = run.get("version")
                end = min(time.monotonic() + PATIENCE, start + 5 * PATIENCE)
            if time.monotonic() > end:
                raise AssertionError(f"the run did not get there: {run}\n{self.read_log()}")
            time.sleep(0.05)  # polling a REST answer: there is no event to await yet

    def task_errors(self):
        """What tasks logged as errors, for the message of a test that fails."""
        logs = (self.data / "aws" / "ecs" / "logs").glob("*.log")
        lines = (line for log in logs for line in log.read_text(errors="replace").splitlines())
        return "\n".join(line for line in lines if '"level":"error"' in line)[:REPORT_MAX]

    def tasks(self, run_id):
        return self.get(f"/workflows/{run_id}/tasks?limit=1000").json()["items"]

    def aws(self, service):
        return boto3.client(
            service, endpoint_url=self.aws_url, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test",
            config=botocore.config.Config(retries={"max_attempts": 1}, connect_timeout=PATIENCE,
                                          read_timeout=PATIENCE, s3={"addressing_style": "path"}))
