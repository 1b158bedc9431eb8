#!/usr/bin/python3
"""Figures of the local Step Functions engine: executions a second, and Maps of many items.

    python3 tests/bench/sfn_bench.py [--build build] [--rounds 3]

Starts a server of its own on a free port with a data folder of its own, drives it with sfn_load
(compiled on the way) and prints a table. Every execution is durable before it is answered.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
AUTH = ("AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/states/aws4_request, "
        "SignedHeaders=host, Signature=" + "0" * 64)


def passes(count):
    states = {f"P{i}": {"Type": "Pass", "Next": f"P{i + 1}"} for i in range(count)}
    del states[f"P{count - 1}"]["Next"]
    states[f"P{count - 1}"]["End"] = True
    return {"StartAt": "P0", "States": states}


def map_of(config):
    processor = dict(passes(1))
    if config:
        processor["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": config}
    return {"StartAt": "M",
            "States": {"M": {"Type": "Map", "ItemProcessor": processor, "End": True}}}


class Server:
    def __init__(self, build, folder):
        program = os.path.join(build, "stepfleet")
        self.process = subprocess.Popen(
            [program, "serve", "--local", "--listen", "127.0.0.1:0", "--aws-listen",
             "127.0.0.1:0", "--data", folder,
             "--log-level", "warn"], stdout=subprocess.PIPE, text=True)
        self.url = None
        for line in self.process.stdout:
            found = re.match(r"aws endpoint (http://\S+)", line)
            if found:
                self.url = found.group(1)
                break
        if not self.url:
            sys.exit("sfn_bench: the server did not start")
        self.port = self.url.rsplit(":", 1)[1]

    def call(self, operation, body):
        request = urllib.request.Request(
            self.url, json.dumps(body).encode(),
            {"X-Amz-Target": "AWSStepFunctions." + operation, "Authorization": AUTH,
             "X-Amz-Date": "20250101T000000Z", "Content-Type": "application/x-amz-json-1.0"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def machine(self, name, definition, kind="STANDARD"):
        answer = self.call("CreateStateMachine", {
            "name": name, "definition": json.dumps(definition), "type": kind,
            "roleArn": "arn:aws:iam::000000000000:role/bench"})
        return answer["stateMachineArn"]

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as lines:
            return int(re.search(field + r":\s+(\d+)", lines.read()).group(1)) / 1024

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as line:
            fields = line.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()


def measure(server, load, arn, arguments, text, folder):
    """What sfn_load prints, with the server's CPU seconds and growth in memory (MB, without pages
    of files, which the system takes back when it needs them)."""
    path = os.path.join(folder, "input.json")
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    cpu, anon, rss = server.cpu(), server.status("RssAnon"), server.status("VmRSS")
    done = subprocess.run([load, server.port, *arguments, arn, path], check=True, text=True,
                          stdout=subprocess.PIPE)
    return {**json.loads(done.stdout), "cpu": server.cpu() - cpu,
            "anon": server.status("RssAnon") - anon, "rss": server.status("VmRSS") - rss}


def items(count):
    return json.dumps(list(range(count)), separators=(",", ":"))


# name, machine, how sfn_load is called, input, goal in words, and whether it is reached
CASES = [
    ("five-pass executions, one after the other", passes(5), ["seq", "2000"], "{}",
     "p50 <= 0.8 ms", lambda m: m["p50"] <= 0.8),
    ("five-pass executions, 32 at a time", passes(5), ["par", "20000", "32"], "{}",
     ">= 5,000/s", lambda m: m["perSecond"] >= 5000),
    ("inline Map of 5,000 items", map_of(None), ["seq", "1"], items(5000),
     "<= 250 ms", lambda m: m["p50"] <= 250),
    ("distributed Map of 10,000 items, express", map_of("EXPRESS"), ["seq", "1"], items(10000),
     "<= 500 ms, <= 30 MB", lambda m: m["p50"] <= 500 and m["anon"] <= 30),
    ("distributed Map of 10,000 items, standard", map_of("STANDARD"), ["seq", "1"], items(10000),
     "<= 500 ms, <= 30 MB", lambda m: m["p50"] <= 500 and m["anon"] <= 30),
]


def figures(build, load, folder, only=""):
    """What was measured, the figure, the goal, whether it is reached."""
    for number, (name, definition, arguments, text, goal, reached) in enumerate(CASES):
        if only not in name:
            continue
        with tempfile.TemporaryDirectory(dir=folder) as data:
            server = Server(build, data)
            try:
                arn = server.machine(f"bench{number}", definition)
                m = measure(server, load, arn, arguments, text, folder)
            finally:
                server.close()
        figure = (f"{m['perSecond']:.1f}/s, p50 {m['p50']:.2f} ms, p99 {m['p99']:.2f} ms, "
                  f"{1e3 * m['cpu'] / m['executions']:.2f} CPU ms each, RSS +{m['rss']:.0f} MB "
                  f"({m['anon']:.0f} without file pages)")
        yield name, figure, goal, reached(m)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        load = os.path.join(folder, "sfn_load")
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", load,
                        os.path.join(HERE, "sfn_load.c")], check=True)
        for _ in range(options.rounds):
            for name, figure, goal, reached in figures(options.build, load, folder, options.only):
                print(f"{name}: {figure} (goal {goal}: {'yes' if reached else 'NO'})", flush=True)


if __name__ == "__main__":
    main()
