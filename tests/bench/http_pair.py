"""Two servers that answer the same bytes, measured in turn by the same driver: on a machine that does
other work rates swing threefold from second to second, the ratio of two neighbours does not."""
import collections
import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

# What is asked for, and the process that answers.
Peer = collections.namedtuple("Peer", "port path pid")


class Nginx:
    """One worker that has the bytes in a file, for as long as the block lasts. It runs as this user:
    the folder is nobody else's, and a 403 is answered faster than a file."""

    def __init__(self, folder, body):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        (self.folder / "status.json").write_bytes(body)

    def __enter__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        (self.folder / "nginx.conf").write_text(
            f"user {pwd.getpwuid(os.geteuid()).pw_name}; daemon off; worker_processes 1;"
            " error_log stderr crit; pid nginx.pid; events {}\n"
            "http { access_log off; sendfile on; open_file_cache max=10; keepalive_requests 100000000;"
            f" server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }} }}\n")
        self.process = subprocess.Popen(
            ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"])
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self):
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.01)  # polling the port
        raise SystemExit("nginx does not listen: its words are above")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def peer(self):
        main = self.process.pid
        worker = pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split()[0]
        return Peer(self.port, "/status.json", int(worker))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(drive, peer, length):
    """What the driver says of one turn, and the server's own CPU time by answer."""
    before = cpu_seconds(peer.pid)
    done = drive(peer.port, peer.path)
    done["cpu"] = (cpu_seconds(peer.pid) - before) / done["answers"] * 1e6
    if done["refused"] or done["bytes"] != done["answers"] * length:
        raise SystemExit(f"{peer.path} was answered otherwise than expected: {done}")
    return done


def in_turn(drive, ours, theirs, length, rounds):
    """Medians of both, of the paired ratios of requests, and their range; who begins changes."""
    turns = {ours: [], theirs: []}
    for i in range(rounds):
        for peer in (ours, theirs) if i % 2 else (theirs, ours):
            turns[peer].append(measure(drive, peer, length))
    ratios = [a["perSecond"] / b["perSecond"] for a, b in zip(turns[ours], turns[theirs])]
    medians = [{key: statistics.median(turn[key] for turn in turns[peer])
                for key in ("perSecond", "p99", "cpu")} for peer in (ours, theirs)]
    return *medians, statistics.median(ratios), (min(ratios), max(ratios))
