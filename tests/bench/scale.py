#!/usr/bin/python3
"""A run of many tasks on the local endpoint: seconds to its end, peak memory of the server.

    tests/bench/scale.py [--pattern 1|2] [--tasks N] [--build DIR] [--workers DIR] [--keep FOLDER]

Prints one JSON object. Only the standard library is needed."""
import argparse
import collections
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pattern", type=int, choices=(1, 2), default=1)
    parser.add_argument("--tasks", type=int, default=10000)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--workers", type=pathlib.Path, help="as serve's option")
    parser.add_argument("--limit", type=float, default=600, help="seconds until it is given up")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder that keeps data and log")
    return parser.parse_args()


def start(program, folder, *more):
    """The server on free ports; its process and the URLs of REST and of the AWS endpoint."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STEPFLEET_"))}
    process = subprocess.Popen(
        [program, "serve", "--local", "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0",
         "--data", folder / "data", "--log-level", "warn", *more],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=kept,
        stderr=open(folder / "server.log", "ab"))
    urls = {}
    for line in process.stdout:
        name, _, url = line.strip().rpartition(" ")
        urls[name] = urllib.parse.urlsplit(url)
        if {"listening", "aws endpoint"} <= urls.keys():
            return process, urls["listening"], urls["aws endpoint"]
    raise SystemExit("the server did not start: " + (folder / "server.log").read_text())


class Client:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)

    def call(self, method, path, body=None):
        self.connection.request(method, path, body, {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        text = reply.read()
        return reply.status, json.loads(text)


def make_spec(pattern, tasks):
    return json.dumps({"workflowName": f"scale_pattern_{pattern}", "monitorIntervalSeconds": 5,
                       "maxConcurrency": 1000 if tasks > 100 else 40,
                       "taskList": [{"taskName": f"task-{i:05}", "objectKey": "input/sample.bin"}
                                    for i in range(tasks)]})


def memory_peak(process):
    """Bytes: the server's own, without its tasks."""
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) * 1024


def cpu_seconds(process):
    """Of the server, and of the tasks and functions it has waited for."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks, (int(fields[13]) + int(fields[14])) / ticks


def follow(client, run_id, process, limit):
    began = time.monotonic()
    shown = 0
    while True:
        _, run = client.call("GET", f"/workflows/{run_id}")
        if run["endedAt"]:
            return run, time.monotonic() - began
        if process.poll() is not None or time.monotonic() - began > limit:
            raise SystemExit(f"the run did not end: {run}")
        if time.monotonic() - shown > 5 and (sys.stderr.isatty() or os.environ.get("VERBOSE")):
            shown = time.monotonic()
            print(f"{shown - began:6.1f} s {run['tasks']}", file=sys.stderr)
        time.sleep(0.2)


def count_tasks(client, run_id):
    """Statuses as the tasks' own pages tell them."""
    seen = collections.Counter()
    path = f"/workflows/{run_id}/tasks?limit=1000"
    while path:
        _, page = client.call("GET", path)
        seen.update(task["status"] for task in page["items"])
        cursor = page.get("nextCursor")
        path = cursor and f"/workflows/{run_id}/tasks?limit=1000&cursor={cursor}"
    return dict(seen)


def measure(options, folder):
    process, url, _ = start(options.build / "stepfleet", folder,
                         *(["--workers", options.workers] if options.workers else []))
    try:
        client = Client(url)
        body = make_spec(options.pattern, options.tasks)
        began = time.monotonic()
        status, run = client.call("POST", f"/workflows?pattern={options.pattern}", body)
        accepted = time.monotonic() - began
        if status != 202:
            raise SystemExit(f"not accepted: {status} {run}")
        run, _ = follow(client, run["workflowRunId"], process, options.limit)
        seconds = time.monotonic() - began
        own, others = cpu_seconds(process)
        return {"pattern": options.pattern, "tasks": options.tasks, "status": run["status"],
                "reason": run["reason"], "counted": count_tasks(client, run["workflowRunId"]),
                "seconds": round(seconds, 1), "acceptSeconds": round(accepted, 3),
                "peakBytes": memory_peak(process), "serverCpuSeconds": round(own, 1),
                "workerCpuSeconds": round(others, 1)}
    finally:
        process.terminate()
        process.wait()


def main():
    options = arguments()
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-bench-"))
    folder.mkdir(exist_ok=True)
    try:
        print(json.dumps(measure(options, folder)))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
