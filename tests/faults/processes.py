"""Which process is at the other end of a connection, and which a server has started."""
import os
import pathlib
import re
import signal

WORKERS = ("task-launcher", "task-monitor", "s3-copy-task")


class Processes:
    """Of the workers that were told to call `url`."""

    def __init__(self, url):
        self.mark = f"AWS_ENDPOINT_URL={url}".encode()
        self.killed = []

    def all(self, *names):
        """[(process id, program)] of those that run."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit():
                    name = os.readlink(entry / "exe").rsplit("/", 1)[1]
                    if name in (names or WORKERS) \
                            and self.mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append((int(entry.name), name))
            except OSError:
                pass  # it ended while we looked
        return found

    def at(self, port):
        """(process id, program) of the worker that owns this local port, or None."""
        inode = find_socket(port)
        for pid, name in self.all():
            try:
                links = [os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
            except OSError:
                continue
            if f"socket:[{inode}]" in links:
                return pid, name
        return None

    def is_at(self, port, name):
        found = self.at(port)
        return bool(found) and found[1] == name

    def kill(self, port):
        """kill -9 of the worker at this port."""
        found = self.at(port)
        if found:
            self.killed.append(found[1])
            os.kill(found[0], signal.SIGKILL)


def find_socket(port):
    """The inode of the connection from 127.0.0.1:port, or None."""
    text = pathlib.Path("/proc/net/tcp").read_text()
    found = re.search(rf"^ *\d+: 0100007F:{port:04X} \S+ 01 (?:\S+ +){{5}}(\d+) ", text, re.M)
    return found[1] if found else None
