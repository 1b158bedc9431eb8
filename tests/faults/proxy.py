"""A proxy between all AWS clients of a server (control plane, functions, tasks) and its endpoint.

It notes every request with what became of it, and does to some of them what its rules say."""
import dataclasses
import email.utils
import fnmatch
import http.client
import http.server
import random
import socket
import struct
import threading
import time
import urllib.parse

from tests.faults.replies import Reply, name_call

PATIENCE = 120
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date"}


@dataclasses.dataclass
class Call:
    """A request. carried_out: the endpoint did it; answered: its own answer reached the client."""
    service: str
    operation: str
    method: str
    path: str
    headers: object
    body: bytes
    port: int  # the client's
    fault: str = ""
    status: int = 0
    carried_out: bool = False
    answered: bool = False

    @property
    def name(self):
        return f"{self.service}.{self.operation}"


@dataclasses.dataclass
class Rule:
    """act(call, forward) -> Reply, or None to reset the connection; for calls named like `match`.

    Which of them: every one, or those whose numbers (from 1) are in `nth`, or by chance `rate`; and
    `when` agrees. At most `times`."""
    match: str
    act: object
    nth: tuple = ()
    rate: float = 1.0
    times: int = 1_000_000
    when: object = None
    seen: int = 0
    used: int = 0

    def wants(self, call, chance):
        if not fnmatch.fnmatchcase(call.name, self.match) or (self.when and not self.when(call)):
            return False
        self.seen += 1
        # By chance, but the third at the latest: a fault that never comes proves nothing.
        chosen = self.seen in self.nth if self.nth \
            else chance.random() < self.rate or (self.seen == 3 and not self.used)
        if not chosen or self.used >= self.times:
            return False
        self.used += 1
        return True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """The proxy keeps its own list."""

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the client has gone, which is what many tests are about

    def relay(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(*name_call(self.command, self.path, self.headers), self.command, self.path,
                    self.headers, body, self.client_address[1])
        self.server.proxy.serve(call, self)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = relay

    def reset(self):
        """Closes with RST, as a machine that dies or a firewall does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def send_reply(self, reply, skew):
        date = email.utils.formatdate(time.time() + skew, usegmt=True)
        length = len(reply.body) if reply.length is None else reply.length
        lines = [f"HTTP/1.1 {reply.status} {http.client.responses.get(reply.status, '')}",
                 *(f"{k}: {v}" for k, v in reply.headers),
                 f"Date: {date}", f"Content-Length: {length}", "", ""]
        body = b"" if self.command == "HEAD" else reply.body[:reply.cut]
        self.wfile.write("\r\n".join(lines).encode() + body)
        if reply.cut is not None:
            self.close_connection = True


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        """Clients that vanish are no news here."""


class Proxy:
    def __init__(self, seed=0):
        self.chance = random.Random(seed)
        self.lock = threading.Lock()
        self.ready = threading.Event()
        self.target = None
        self.rules = []
        self.calls = []
        self.skew = 0  # seconds by which AWS's clock is ahead of ours
        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.listener.proxy = self
        self.url = f"http://127.0.0.1:{self.listener.server_address[1]}"
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.05,),
                                       daemon=True)
        self.thread.start()

    def set_target(self, url):
        """Where requests go from now on; None: they wait."""
        self.target = url
        (self.ready.set if url else self.ready.clear)()

    def close(self):
        self.set_target("http://127.0.0.1:1")  # lets go whoever waits
        self.listener.shutdown()
        self.listener.server_close()
        self.thread.join()

    def choose(self, call):
        with self.lock:
            self.calls.append(call)
            return next((rule for rule in self.rules if rule.wants(call, self.chance)), None)

    def serve(self, call, handler):
        rule = self.choose(call)
        try:
            if rule:
                call.fault = rule.act.__name__
                reply = rule.act(call, lambda: self.forward(call))
            else:
                reply = self.forward(call)
        except (OSError, http.client.HTTPException):
            reply = None  # the endpoint has died, and nobody knows what it had done
        if reply is None:
            handler.reset()
            return
        handler.send_reply(reply, self.skew)
        call.status = reply.status
        call.answered = call.carried_out and reply.cut is None

    def forward(self, call):
        """Has the endpoint do it; one connection for each call, so that none can be stale."""
        if not self.ready.wait(PATIENCE):
            raise ConnectionError("there is no endpoint")
        address = urllib.parse.urlsplit(self.target)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
        try:
            headers = {k: v for k, v in call.headers.items()
                       if k.lower() not in HOP and k.lower() not in ("host", "expect")}
            connection.request(call.method, call.path, call.body or None,
                               {**headers, "Content-Length": str(len(call.body))})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        call.carried_out = answer.status < 300
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in HOP]
        length = int(answer.getheader("Content-Length", "0")) if call.method == "HEAD" else None
        return Reply(answer.status, tuple(kept), body, length=length)
