"""The feed of changes: order, resuming without gaps, slow and vanished readers, a thousand at once."""
import contextlib
import csv
import http.client
import io
import json
import re
import resource
import selectors
import socket
import threading
import time
import unittest
import urllib.parse

from tests.flow.server import BUILD, PATIENCE, Server, at_once, spec

MANY = 1000
SANITIZED = "-" in BUILD.name


def labels(count, size):
    return {f"label-{i}": "x" * size for i in range(count)}


class Feed:
    """One client of GET /events; read() gives (id, run) or None when the connection ended."""

    def __init__(self, server, query="", last=None):
        address = urllib.parse.urlsplit(server.url)
        self.last = last
        self.connection = http.client.HTTPConnection(address.hostname, address.port,
                                                     timeout=PATIENCE)
        headers = {"Last-Event-ID": str(last)} if last is not None else {}
        self.connection.request("GET", "/events" + query, headers=headers)
        self.reply = self.connection.getresponse()
        if self.reply.status != 200:
            raise AssertionError(f"{self.reply.status} {self.reply.read()!r}")

    def read(self):
        data = None
        while True:
            try:
                line = self.reply.readline().decode()
            except (OSError, http.client.HTTPException):
                return None
            if not line.endswith("\n"):
                return None
            name, _, value = line.rstrip("\n").partition(": ")
            if name == "id":
                self.last = int(value)
            elif name == "data":
                data = json.loads(value)
            elif not name and data:
                return self.last, data

    def until(self, wanted):
        """Reads events up to the first for which wanted(run) holds; all of them."""
        events = []
        while not events or not wanted(events[-1][1]):
            event = self.read()
            if not event:
                raise AssertionError(f"the feed ended after {events[-3:]}")
            events.append(event)
        return events

    def close(self):
        self.connection.close()
        self.reply.close()


class Live(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.close)

    def feed(self, query="", last=None):
        feed = Feed(self.server, query, last)
        self.addCleanup(feed.close)
        return feed

    def stats_until(self, wanted):
        end = time.monotonic() + PATIENCE
        while True:
            stats = self.server.get("/stats").json()
            if wanted(stats):
                return stats
            self.assertLess(time.monotonic(), end, stats)
            time.sleep(0.1)  # numbers are polled: there is no event of them

    def metrics_until(self, line):
        """The metrics, once they have this line."""
        end = time.monotonic() + PATIENCE
        while f"\n{line}\n" not in (text := self.server.get("/metrics").body.decode()):
            self.assertLess(time.monotonic(), end, text)
            time.sleep(0.05)  # numbers are polled: there is no event of them
        return text

    def ended(self, run):
        return run["endedAt"] is not None

    def test_a_run_is_told_from_its_start_to_its_end(self):
        start = time.monotonic()  # before the first of them can be sent
        feed = self.feed()
        run_id = self.server.accept(spec(1), 1)
        events = feed.until(self.ended)
        seconds = time.monotonic() - start
        ids = [event for event, _ in events]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertEqual({run["workflowRunId"] for _, run in events}, {run_id})
        self.assertEqual([run["version"] for _, run in events], ids)
        self.assertLessEqual(len(events), 5 * seconds + 2, "at most five a second")
        now = self.server.run(run_id)
        self.assertEqual(events[-1][1], now)
        self.assertEqual(now["status"], "Completed")

    def test_one_run_alone(self):
        other = self.server.accept(spec(2), 2)
        run_id = self.server.accept(spec(1), 1)
        events = self.feed(f"?workflow={run_id}").until(self.ended)
        self.assertEqual({run["workflowRunId"] for _, run in events}, {run_id})
        self.server.wait(other)

    def test_resumes_without_gaps_over_breaks_and_a_restart(self):
        seen = []
        feed = self.feed()
        place = feed.last or 0
        runs = [self.server.accept(spec(p), p) for p in (1, 2, 1)]
        event = feed.read()
        seen.append(event)
        feed.close()
        feed = self.feed(last=event[0])
        seen.append(feed.read())
        self.server.kill()
        while (event := feed.read()):
            seen.append(event)
        self.server.start()
        feed = self.feed(last=seen[-1][0])
        over = set()

        def all_over(run):
            if self.ended(run):
                over.add(run["workflowRunId"])
            return over == set(runs)

        for _, run in seen:
            all_over(run)
        if over != set(runs):
            seen += feed.until(all_over)
        ids = [number for number, _ in seen]
        self.assertEqual(ids, sorted(set(ids)), "each once, in order")
        self.assertGreater(ids[0], place)
        for run_id in runs:
            last = [run for _, run in seen if run["workflowRunId"] == run_id][-1]
            self.assertEqual(last, self.server.run(run_id))

    def test_tasks_that_changed_lead_to_the_same_as_all(self):
        run_id = self.server.accept(spec(1), 1)
        known, version = {}, 0
        feed = self.feed(f"?workflow={run_id}")
        while True:
            event = feed.read()
            self.assertIsNotNone(event)
            cursor = ""
            while cursor is not None:
                page = self.server.get(f"/workflows/{run_id}/tasks?since={version}&limit=3"
                                       + (f"&cursor={cursor}" if cursor else "")).json()
                known.update({task["taskName"]: task for task in page["items"]})
                cursor = page["nextCursor"]
            version = page["version"]
            if self.ended(event[1]):
                break
        self.assertEqual(sorted(known.values(), key=lambda t: t["taskName"]),
                         sorted(self.server.tasks(run_id), key=lambda t: t["taskName"]))

    def test_a_slow_reader_is_dropped_and_comes_back(self):
        runs = {self.server.accept(spec(1, labels=labels(20, 200), workflowName=f"slow-{i}"), 1)
                for i in range(40)}
        for run_id in runs:
            self.server.wait(run_id)
        address = urllib.parse.urlsplit(self.server.url)
        slow = socket.socket()
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((address.hostname, address.port))
        slow.settimeout(PATIENCE)
        slow.sendall(b"GET /events?since=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.assertEqual(slow.recv(8), b"HTTP/1.1")  # it is a client from here on
        self.stats_until(lambda stats: stats["clients"] == 0)
        feed = self.feed("?since=0")
        feed.until(lambda run: runs.discard(run["workflowRunId"]) or not runs)

    def test_clients_that_vanish_are_forgotten(self):
        for _ in range(20):
            feed = Feed(self.server)
            feed.close()
        self.stats_until(lambda stats: stats["clients"] == 0)

    def test_head_and_http_1_0(self):
        answer = self.server.call("HEAD", "/events")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/event-stream"))
        run_id = self.server.accept(spec(1), 1)
        address = urllib.parse.urlsplit(self.server.url)
        with contextlib.closing(socket.create_connection((address.hostname, address.port),
                                                         timeout=PATIENCE)) as old:
            old.sendall(f"GET /events?workflow={run_id} HTTP/1.0\r\n\r\n".encode())
            text = b""
            while b"\"workflowRunId\":" not in text:
                piece = old.recv(4096)
                self.assertTrue(piece, text)
                text += piece
        self.assertNotIn(b"chunked", text)

    def stop_with_clients(self):
        """Returns how long it took."""
        if self.server.process.returncode is not None:
            self.server.start()
        feeds = [self.feed() for _ in range(50)]
        code, seconds = self.server.stop()
        self.assertEqual(code, 0)
        for feed in feeds:
            self.assertIsNone(feed.read())
        return seconds

    def test_it_stops_at_once_with_clients_connected(self):
        at_once(PATIENCE if SANITIZED else 3, self.stop_with_clients)

    def test_numbers(self):
        run_id = self.server.accept(spec(1), 1)
        self.server.wait(run_id)
        stats = self.stats_until(lambda stats: stats["runs"]["completed"] == 1)
        self.assertEqual(stats["tasks"]["running"], 0)
        # Ends are counted as the feed tells them, which may be a moment after the runs were counted.
        text = self.metrics_until('stepfleet_runs_finished_total{result="Completed"} 1')
        for line in ('stepfleet_runs{status="Completed"} 1',
                     "stepfleet_run_duration_seconds_count 1"):
            self.assertIn(f"\n{line}\n", text)
        self.assertRegex(text, r'aws_requests_total\{service="sfn",op="StartExecution",'
                               r'result="ok"\} 1\n')

    def test_exports_and_definition(self):
        value = spec(1)
        value["taskList"][0]["taskName"] = "=1+1"
        run_id = self.server.accept(value, 1)
        self.server.wait(run_id)
        tasks = self.server.tasks(run_id)
        answer = self.server.get(f"/workflows/{run_id}/export?format=json")
        self.assertEqual(answer.json(), {"run": self.server.run(run_id), "tasks": tasks})
        answer = self.server.get(f"/workflows/{run_id}/export?format=csv")
        self.assertIn(f"run-{run_id}.csv", answer.headers["Content-Disposition"])
        rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
        self.assertEqual([row["taskName"] for row in rows],
                         ["'" * (i == 0) + task["taskName"] for i, task in enumerate(tasks)])
        self.assertEqual({row["status"] for row in rows}, {"Completed"})
        definition = self.server.get(f"/workflows/{run_id}/definition").json()
        self.assertIn(definition["StartAt"], definition["States"])


class Crowd(unittest.TestCase):
    """A thousand pages at once."""

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < MANY + 500:
            self.skipTest(f"this test needs {MANY + 500} open files, the limit is {hard}")
        if soft != resource.RLIM_INFINITY and soft < MANY + 500:
            resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + 500, hard))
        self.server = Server().start()
        self.addCleanup(self.server.close)
        self.selector = selectors.DefaultSelector()
        self.texts = {}
        self.returns = 0
        self.addCleanup(self.close_all)

    def close_all(self):
        for client in self.texts:
            client.close()
        self.selector.close()

    def memory(self):
        text = self.server.get("/metrics").body.decode()
        return float(text.split("\nstepfleet_resident_memory_bytes ")[1].split()[0])

    def connect(self, last=None):
        address = urllib.parse.urlsplit(self.server.url)
        client = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
        place = b"Last-Event-ID: %s\r\n" % last if last else b""
        client.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n" % place)
        client.setblocking(False)
        self.selector.register(client, selectors.EVENT_READ)
        self.texts[client] = b""
        return client

    def come_back(self, client):
        """As a page does whose feed has ended: a server that stands still for ten seconds takes its
        readers for slow ones."""
        self.assertLess(self.returns, MANY, "the server closes feeds")
        self.returns += 1
        self.selector.unregister(client)
        client.close()
        text = self.texts.pop(client)
        places = re.findall(rb"^id: (\d+)$", text, re.M)
        self.texts[self.connect(places[-1] if places else None)] = text

    def read(self):
        """What has come for any of them, for a second at most."""
        for key, _ in self.selector.select(1):
            try:
                piece = key.fileobj.recv(65536)
            except ConnectionResetError:
                piece = b""
            if piece:
                self.texts[key.fileobj] += piece
            else:
                self.come_back(key.fileobj)

    def until_all(self, wanted):
        """Reads until wanted(text) holds for each client."""
        end = time.monotonic() + PATIENCE
        while waiting := sum(not wanted(text) for text in self.texts.values()):
            self.assertLess(time.monotonic(), end, f"{waiting} clients still wait")
            self.read()

    def wait_for_clients(self):
        """Until the server counts them all, and none that has gone."""
        end = time.monotonic() + PATIENCE
        while (clients := self.server.get("/stats").json()["clients"]) != MANY:
            self.assertLess(time.monotonic(), end, clients)
            self.read()

    def test_a_thousand_are_told_and_others_are_answered(self):
        before = self.memory()
        for _ in range(MANY):
            self.connect()
        self.until_all(lambda text: b"retry: " in text)
        each = (self.memory() - before) / MANY
        if not SANITIZED:
            self.assertLess(each, 100_000, "bytes of memory for a client")
        answers = []
        asker = threading.Thread(target=lambda: answers.extend(
            self.server.get("/workflows").status for _ in range(20)))
        asker.start()
        run_id = self.server.accept(spec(1), 1)
        self.until_all(lambda text: b'"status":"Completed"' in text)
        asker.join()
        self.assertEqual(answers, [200] * 20)
        last = self.server.wait(run_id)["version"]
        self.until_all(lambda text: b"id: %d\n" % last in text)
        self.wait_for_clients()
        code, seconds = self.server.stop()
        self.assertEqual(code, 0)
        self.assertLess(seconds, PATIENCE / 20, "a thousand are ended together")
