"""doctor and ping: against the embedded endpoint of a server, with things missing, and without."""
import json
import socket
import time
import unittest

from tests.flow.server import PATIENCE, Server, at_once, spec
from tests.flow.test_outputs import ARN, outputs
from tests.flow.test_start import run

KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
NOBODY = "http://127.0.0.1:1"  # a port that needs a privilege to listen on


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.addClassCleanup(cls.server.close)
        cls.text = json.dumps(outputs(1, 2))

    def doctor(self, *options, **environment):
        """Its exit code and lines. It gives each call 3 s: where the endpoint was too busy for that it
        is asked again, as it says itself."""
        end = time.monotonic() + PATIENCE
        while True:
            code, text = self.doctor_once(*options, **environment)
            late = any(word in text for word in ("no answer in time", "timed out"))
            if not late or time.monotonic() > end:
                return code, text

    def doctor_once(self, *options, **environment):
        done = run("doctor", "--data", str(self.server.data), *options, environment={
            "AWS_ENDPOINT_URL": self.server.aws_url, "STEPFLEET_OUTPUTS": self.text, **KEYS,
            **environment})
        self.assertEqual(done.stderr, "")
        for line in done.stdout.splitlines() if "--json" not in options else ():
            self.assertRegex(line, r"^(ok    |(warn|FAIL)  .+ - )")
        return done.returncode, done.stdout

    def bad(self, text):
        return [line for line in text.splitlines() if not line.startswith("ok ")]

    def test_all_is_well(self):
        code, text = self.doctor()
        self.assertEqual((code, self.bad(text)), (0, []), text)
        for line in ("ok    credentials: from environment",
                     "ok    caller: arn:aws:iam::000000000000:root in account 000000000000",
                     "ok    region: us-east-1, from --outputs",
                     f"ok    endpoint sts: {self.server.aws_url}, configured",
                     f"ok    state machine {ARN.format(2)}: ACTIVE, STANDARD",
                     f"ok    stopping an execution of {ARN.format(1)}: "
                     "states:StopExecution is allowed",
                     "ok    left out: states:StartExecution and ecs:StopTask are not tested, for "
                     "asking would start or stop something: the first run and the first cancel tell",
                     "ok    rows of workflow_details_pattern_1: dynamodb:Query is allowed",
                     "ok    bucket stepfleet-pattern-2: s3:ListBucket is allowed"):
            self.assertIn(line + "\n", text)
        self.assertEqual(text.count("task definition"), 1)
        self.assertRegex(text, r"data folder .*: writable, schema \d+\n$")

    def test_local_mode_needs_nothing(self):
        address = self.server.aws_url.removeprefix("http://")
        code, text = self.doctor("--local", "--aws-listen", address, AWS_ENDPOINT_URL=NOBODY,
                                 STEPFLEET_OUTPUTS="")
        self.assertEqual((code, self.bad(text)), (0, []), text)

    def test_json(self):
        code, text = self.doctor("--json", "--state-machine-1", ARN.format("gone"))
        lines = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(code, 1)
        self.assertEqual({line["check"] for line in lines if line["result"] == "FAIL"},
                         {"state machine", "executions of"})
        self.assertTrue(all(line["remedy"] for line in lines if line["result"] != "ok"))

    def test_a_machine_that_is_not_there(self):
        code, text = self.doctor("--state-machine-2", ARN.format("gone"))
        self.assertEqual(code, 1)
        self.assertIn(f"FAIL  state machine {ARN.format('gone')}: it does not exist in us-east-1 "
                      "(account 000000000000) - make it with make deploy PATTERN=2", text)
        self.assertEqual(len(self.bad(text)), 2, text)

    def test_a_table_that_is_gone(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.aws("dynamodb").delete_table(TableName="workflow_details_pattern_1")
        code, text = self.doctor(AWS_ENDPOINT_URL=server.aws_url)
        self.assertEqual(code, 1)
        self.assertEqual([line.split(":")[0] for line in self.bad(text)],
                         ["FAIL  details table workflow_details_pattern_1",
                          "FAIL  rows of workflow_details_pattern_1"], text)
        self.assertIn("make deploy PATTERN=1", text)

    def test_wrong_region(self):
        code, text = self.doctor(AWS_REGION="eu-west-1")
        self.assertEqual(code, 1)
        self.assertIn("FAIL  region: eu-west-1, from AWS_REGION - ", text)

    def test_no_credentials(self):
        code, text = self.doctor(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
        self.assertEqual(code, 1)
        self.assertIn("no AWS credentials", text.splitlines()[0])
        self.assertIn("data folder", text.splitlines()[-1])

    def test_no_region(self):
        code, text = self.doctor(STEPFLEET_OUTPUTS="")
        self.assertEqual(code, 1)
        self.assertIn("no AWS region", text.splitlines()[0])
        self.assertIn("FAIL  deployment: no state machine is known - give --outputs", text)

    def test_an_endpoint_where_nobody_listens(self):
        code, text = self.doctor(AWS_ENDPOINT_URL_ECS=NOBODY)
        self.assertEqual(code, 1)
        self.assertIn(f"FAIL  endpoint ecs: {NOBODY}, configured: not reached: ", text)
        self.assertIn("FAIL  tasks of cluster stepfleet: not reached - see endpoint ecs", text)
        self.assertEqual(len(self.bad(text)), 3, text)

    def test_an_endpoint_that_hangs_costs_seconds(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(128)
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"

            def ask():
                start = time.monotonic()
                code, text = self.doctor_once(AWS_ENDPOINT_URL=url)
                self.assertEqual(code, 1)
                self.assertEqual(text.count("timed out"), 5, text)
                return time.monotonic() - start

            at_once(40, ask)  # one after the other: 75

    def test_outputs_that_cannot_be_read(self):
        code, text = self.doctor("--outputs", "/nowhere/outputs.json")
        self.assertEqual(code, 1)
        self.assertIn("/nowhere/outputs.json: No such file", text.splitlines()[0])

    def test_usage(self):
        for words in (("--nope",), ("extra",), ("--json=perhaps",)):
            self.assertEqual(run("doctor", *words).returncode, 2)


class Ping(unittest.TestCase):
    def ping_until(self, wanted, *words, **environment):
        """Pings until wanted(done) holds: it gives the server 2 s, and one that has just started has not
        heard of AWS yet."""
        end = time.monotonic() + PATIENCE
        while not wanted(done := run("ping", *words, environment=environment)):
            self.assertLess(time.monotonic(), end, done)
            time.sleep(0.05)  # there is nothing to await
        return done

    def test_up_and_down(self):
        server = Server().start()
        self.addCleanup(server.close)
        port = server.url.rpartition(":")[2]
        for words, listen in (((server.url,), "127.0.0.1:1"), ((server.url + "/",), "127.0.0.1:1"),
                              ((), f"127.0.0.1:{port}"), ((), f"0.0.0.0:{port}")):
            with self.subTest(words=words, listen=listen):
                done = self.ping_until(lambda done: done.returncode == 0, *words,
                                       STEPFLEET_LISTEN=listen)
                self.assertEqual((done.stdout, done.stderr), ("", ""))
        done = self.ping_until(lambda done: "timed out" not in done.stderr, server.aws_url)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/readyz answers 403", done.stderr)
        server.stop()
        done = run("ping", server.url)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^stepfleet: http://127.0.0.1:\d+/readyz: .*connect.*\n$")

    def test_not_ready_tells_why(self):
        server = Server("--state-machine-1", ARN.format(1), local=False, environment={
            **KEYS, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": NOBODY}).start()
        self.addCleanup(server.close)
        server.accept(spec(1), 1)
        done = self.ping_until(lambda done: "aws: the last AWS call failed" in done.stderr, server.url)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/readyz answers 503; aws: ", done.stderr)

    def test_a_silent_port(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            done = run("ping", f"http://127.0.0.1:{silent.getsockname()[1]}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("timed out", done.stderr)

    def test_usage(self):
        for words in (("localhost",), ("http://a", "http://b"), ("--nope",), ("--listen", "1:0")):
            with self.subTest(words=words):
                self.assertEqual(run("ping", *words).returncode, 2)
