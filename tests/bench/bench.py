#!/usr/bin/python3
"""What is promised, measured: a table of figures and goals.

    tests/bench/bench.py [--build DIR] [NAME ...]

Without names all are run. A goal that does not hold is shown as such and makes the exit status 1;
figures of a machine that does other work at the same time mean little."""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import http_pair  # noqa: E402  (a file beside this one)
import scale  # noqa: E402
import sfn_bench  # noqa: E402

BENCHES = {}


def bench(name):
    def keep(function):
        BENCHES[name] = function
        return function
    return keep


def driver(options, name, *arguments):
    """The JSON object that one of the programs prints."""
    program = options.build / "bench" / name
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True,
                          check=False, cwd=options.folder)
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr}")
    return json.loads(done.stdout)


class Served:
    """A server of its own with one small run in it, for as long as the block lasts."""

    def __init__(self, options):
        self.options = options

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=self.options.folder))
        self.process, self.url, self.aws_url = scale.start(self.options.build / "stepfleet",
                                                           self.folder)
        self.client = scale.Client(self.url)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, tasks):
        _, run = self.client.call("POST", "/workflows?pattern=1", scale.make_spec(1, tasks))
        run_id = run["workflowRunId"]
        scale.follow(self.client, run_id, self.process, 120)
        return run_id


# --- many tasks -----------------------------------------------------------------------------------

def many_tasks(options, pattern):
    folder = pathlib.Path(tempfile.mkdtemp(dir=options.folder))
    done = scale.measure(argparse.Namespace(build=options.build, pattern=pattern,
                                            tasks=options.tasks, limit=900, workers=None), folder)
    shutil.rmtree(folder, ignore_errors=True)
    whole = done["counted"] == {"Completed": options.tasks}
    what = f"{options.tasks} tasks, pattern {pattern}"
    yield what, f"{done['seconds']} s, {done['status']}", "<= 120 s", \
        whole and done["seconds"] <= 120
    yield what + ": server's peak RSS", f"{done['peakBytes'] / 1e6:.0f} MB", "< 300 MB", \
        done["peakBytes"] < 300e6


@bench("scale-1")
def scale_1(options):
    yield from many_tasks(options, 1)


@bench("scale-2")
def scale_2(options):
    yield from many_tasks(options, 2)


# --- REST -----------------------------------------------------------------------------------------

PAIRS = 7


@bench("http")
def http_status(options):
    """Polling the status of a run, against nginx with the same bytes in a file."""
    def drive(port, path):
        return driver(options, "http_load", port, path, 32, options.seconds / 3)
    with Served(options) as server:
        path = f"/workflows/{server.run(10)}"
        server.client.connection.request("GET", path)
        body = server.client.connection.getresponse().read()
        ours = http_pair.Peer(server.url.port, path, server.process.pid)
        what = f"status GET of {len(body)} bytes, 32 connections"
        if not shutil.which("nginx"):
            hot = http_pair.measure(drive, ours, len(body))
            yield what, f"{hot['perSecond']:.0f}/s, p99 {hot['p99']} us", "nginx is not installed", None
            return
        with http_pair.Nginx(options.folder, body) as nginx:
            hot, peer, ratio, (low, high) = http_pair.in_turn(drive, ours, nginx.peer(), len(body),
                                                              PAIRS)
    yield what, f"{hot['perSecond']:.0f}/s; {ratio:.2f} x nginx ({low:.2f}-{high:.2f})", \
        ">= 1.25 x nginx", ratio >= 1.25
    yield "its 99th percentile", f"{hot['p99']:.0f} us; nginx {peer['p99']:.0f} us", \
        "<= nginx's", hot["p99"] <= peer["p99"]
    yield "server's CPU time for it", f"{hot['cpu']:.1f} us; nginx {peer['cpu']:.1f} us", \
        "<= nginx's / 1.25", hot["cpu"] <= peer["cpu"] / 1.25


@bench("connections")
def connections(options):
    """The numbers of connections at which an event loop with a batch of 128 falls asleep."""
    with Served(options) as server:
        path = f"/workflows/{server.run(1)}"
        for count in (127, 128, 129, 256):
            done = driver(options, "http_load", server.url.port, path, count, options.seconds)
            yield f"status GET, {count} connections", \
                f"{done['perSecond']:.0f}/s, longest gap {done['longestGap'] / 1000:.0f} ms", \
                "no gap over 250 ms", done["longestGap"] < 250000 and done["refused"] == 0


# --- the store ------------------------------------------------------------------------------------

@bench("history")
def history(options):
    done = driver(options, "store_bench", "history")
    yield "history rows, durable, group commit", f"{done['rowsPerSecond']:.0f} rows/s", \
        ">= 120,000 rows/s", done["rowsPerSecond"] >= 120000
    yield "the same, against one row a transaction", f"{done['ratio']:.0f} x", ">= 20 x", \
        done["ratio"] >= 20


@bench("mirror")
def mirror(options):
    done = driver(options, "store_bench", "mirror")
    yield "audit rows mirrored, JSON decoded", f"{done['rowsPerSecond']:.0f} rows/s", \
        ">= 90,000 rows/s", done["rowsPerSecond"] >= 90000


@bench("submit")
def submit(options):
    done = driver(options, "store_bench", "submit")
    yield "a run of 10,000 tasks in one transaction", \
        f"{done['bestSeconds'] * 1000:.0f} to {done['worstSeconds'] * 1000:.0f} ms", \
        "<= 250 ms", done["worstSeconds"] <= 0.25


@bench("pages")
def pages(options):
    done = driver(options, "store_bench", "pages")
    yield "page of 100 runs at 1,000,000 runs", \
        f"p99 {done['p99Large']} us (at 1,000: {done['p99Small']} us)", "<= 2 x that at 1,000", \
        done["p99Large"] <= 2 * done["p99Small"]


@bench("states")
def states(options):
    yield from sfn_bench.figures(str(options.build), str(options.build / "bench" / "sfn_load"),
                                 str(options.folder))


# --- workers and objects --------------------------------------------------------------------------

@bench("start")
def worker_start(options):
    quick = options.build / "static" / "task-monitor"
    program = quick if quick.exists() else options.build / "task-monitor"
    done = driver(options, "start_bench", program)
    how = "static" if quick.exists() else "dynamic: run make dist"
    yield f"worker start to first poll ({how})", f"p50 {done['p50']} us", "<= 1500 us", \
        done["p50"] <= 1500 if quick.exists() else None


def signed(connection, method, path, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers["Authorization"] = ("AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, "
                                "SignedHeaders=host, Signature=" + "0" * 64)
    headers["x-amz-date"] = "20260101T000000Z"
    headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    text = reply.read()
    if reply.status >= 300:
        raise SystemExit(f"{method} {path}: {reply.status} {text!r}")


@bench("copy")
def copy(options):
    size = 1 << 30
    source = options.folder / "source.bin"
    with open(source, "wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    with Served(options) as server:
        connection = http.client.HTTPConnection(server.aws_url.hostname, server.aws_url.port)
        with open(source, "rb") as file:
            signed(connection, "PUT", "/stepfleet-pattern-1/big.bin", file,
                   Content_Length=str(size))
        took = []
        for i in range(5):
            began = time.monotonic()
            signed(connection, "PUT", f"/stepfleet-pattern-1/copy-{i}.bin",
                   x_amz_copy_source="/stepfleet-pattern-1/big.bin")
            took.append(time.monotonic() - began)
    source.unlink()
    yield "local S3: CopyObject of 1 GiB, durable", f"{sorted(took)[2] * 1000:.1f} ms", \
        "<= 650 ms", sorted(took)[2] <= 0.65


# --- the page -------------------------------------------------------------------------------------

@bench("page")
def page(options):
    """Ten thousand tasks in headless Chromium, the answers made up: the page's own cost."""
    if not shutil.which("node") or not shutil.which("chromium"):
        yield "page", "left out: node or chromium is missing", "", None
        return
    done = subprocess.run(["node", scale.ROOT / "tests/browser/bench.mjs"], capture_output=True,
                          text=True, check=False,
                          env={**os.environ, "STEPFLEET_BUILD": str(options.build)})
    if done.returncode:
        raise SystemExit(f"bench.mjs failed: {done.stderr}")
    seen = json.loads(done.stdout)
    yield "page, 10,000 tasks: first paint", f"{seen['firstPaintMs']} ms, all {seen['allTasksMs']} ms", \
        "< 1 s", seen["firstPaintMs"] < 1000
    yield "page: frames while panning", \
        f"p95 {seen['frameP95Ms']} ms, longest {seen['frameMaxMs']} ms, draw {seen['drawMs']} ms", \
        "none over 50 ms", seen["frameMaxMs"] <= 50


# --- the table ------------------------------------------------------------------------------------

def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=scale.ROOT / "build")
    parser.add_argument("--tasks", type=int, default=10000)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHES)
    if unknown:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    options.build = options.build.resolve()
    return options


def main():
    options = arguments()
    options.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-bench-"))
    broken = 0
    print(f"{'what':46} {'figure':44} {'goal':24} holds", flush=True)
    try:
        for name in options.names or BENCHES:
            for what, figure, goal, holds in BENCHES[name](options):
                broken += holds is False
                word = {True: "yes", False: "NO", None: "-"}[holds]
                print(f"{what:46} {figure:44} {goal:24} {word}", flush=True)
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
