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
             "127.0.0.1:0", "--data", folder], stdout=subprocess.PIPE, text=True)
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
    path = os.path.join(folder, "input.json")
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    cpu = server.cpu()
    rss, anon = server.status("VmRSS"), server.status("RssAnon")
    done = subprocess.run([load, server.port, *arguments, arn, path], check=True, text=True,
                          stdout=subprocess.PIPE)
    return (f"{done.stdout.strip()}; server {server.cpu() - cpu:.2f} CPU s, "
            f"RSS {rss:.1f} -> {server.status('VmRSS'):.1f} MB, without file pages "
            f"{anon:.1f} -> {server.status('RssAnon'):.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    options = parser.parse_args()
    items = json.dumps(list(range(10000)), separators=(",", ":"))
    small = json.dumps(list(range(5000)), separators=(",", ":"))
    cases = [
        ("five-pass sequential", passes(5), ["seq", "2000"], "{}"),
        ("five-pass 32 concurrent", passes(5), ["par", "20000", "32"], "{}"),
        ("inline map 5,000", map_of(None), ["seq", "1"], small),
        ("distributed map 10,000 express", map_of("EXPRESS"), ["seq", "1"], items),
        ("distributed map 10,000 standard", map_of("STANDARD"), ["seq", "1"], items),
    ]
    with tempfile.TemporaryDirectory() as folder:
        load = os.path.join(folder, "sfn_load")
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", load,
                        os.path.join(HERE, "sfn_load.c")], check=True)
        for number, (name, definition, arguments, text) in enumerate(cases):
            if options.only not in name:
                continue
            for _ in range(options.rounds):
                with tempfile.TemporaryDirectory() as data:
                    server = Server(options.build, data)
                    try:
                        arn = server.machine(f"bench{number}", definition)
                        print(f"{name}: {measure(server, load, arn, arguments, text, folder)}",
                              flush=True)
                    finally:
                        server.close()


if __name__ == "__main__":
    main()
