"""Runs that were started elsewhere: by hand, and by another control plane on the same account."""
import http.client
import json
import sqlite3
import time
import unittest
import urllib.parse

from tests.flow.server import PATIENCE, Server, spec

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:stepfleet-pattern-{}"


def states(url, operation, body):
    """One call of Step Functions over plain HTTP, as any client may make it."""
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)
    connection.request("POST", "/", json.dumps(body), {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AWSStepFunctions.{operation}",
        "Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/states/aws4_request, "
                         "SignedHeaders=host, Signature=" + 64 * "0"})
    reply = connection.getresponse()
    answer = json.loads(reply.read())
    connection.close()
    if reply.status != 200:
        raise AssertionError(f"{operation}: {reply.status} {answer}")
    return answer


def start_by_hand(url, pattern, name, value):
    return states(url, "StartExecution", {"stateMachineArn": MACHINE.format(pattern), "name": name,
                                          "input": json.dumps(value)})["executionArn"]


def find(server, arn):
    """Waits until a run with this execution is listed; returns it."""
    end = time.monotonic() + PATIENCE
    while True:
        for run in server.get("/workflows?limit=1000").json()["items"]:
            if run["execution"]["arn"] == arn:
                return run
        if time.monotonic() > end:
            raise AssertionError(f"no run with {arn}\n{server.read_log()}")
        time.sleep(0.05)  # polling a REST answer


class ByHand(unittest.TestCase):
    def serve(self, *options, **more):
        server = Server(*options, **more).start()
        self.addCleanup(server.close)
        return server

    def test_appears_and_is_followed_to_its_end(self):
        server = self.serve()
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                arn = start_by_hand(server.aws_url, pattern, f"by-hand-{pattern}", spec(pattern))
                run = server.wait(find(server, arn)["workflowRunId"])
                self.assertEqual((run["origin"], run["status"]), ("elsewhere", "Completed"))
                self.assertEqual((run["pattern"], run["execution"]["name"]), (pattern, f"by-hand-{pattern}"))
                self.assertEqual((run["tasks"]["total"], run["tasks"]["completed"]), (10, 10))
                names = [task["taskName"] for task in server.tasks(run["workflowRunId"])]
                self.assertEqual(names, [task["taskName"] for task in spec(pattern)["taskList"]])
                self.assertTrue(server.get(f"/workflows/{run['workflowRunId']}/events").json()["items"])
                listed = states(server.aws_url, "ListExecutions",
                                {"stateMachineArn": MACHINE.format(pattern)})["executions"]
                self.assertEqual([e["executionArn"] for e in listed], [arn])

    def test_given_id_and_own_runs(self):
        server = self.serve()
        own = server.accept(spec(1), 1)
        arn = start_by_hand(server.aws_url, 1, "with-id", spec(1, workflowRunId=4711))
        self.assertEqual(find(server, arn)["workflowRunId"], 4711)
        server.wait(4711)
        self.assertEqual(server.wait(own)["origin"], "here")
        listed = server.get("/workflows").json()["items"]
        self.assertEqual(sorted(run["workflowRunId"] for run in listed), [4711, own])

    def test_long_list_in_a_manifest(self):
        """Another server's long list: its tasks are read from the object that its input names."""
        server = self.serve()
        value = spec(2)
        task = value["taskList"][0]
        value["taskList"] = [{**task, "taskName": f"task-{i:04}"} for i in range(401)]
        own = server.accept(value, 2)
        arn = server.wait(own, lambda run: run["execution"]["arn"])["execution"]["arn"]
        server.call("POST", f"/workflows/{own}/cancel")
        server.wait(own)
        given = json.loads(states(server.aws_url, "DescribeExecution", {"executionArn": arn})["input"])
        self.assertIn("taskManifest", given)
        arn = start_by_hand(server.aws_url, 2, "long", {**given, "workflowRunId": 4712})
        self.assertEqual(find(server, arn)["workflowRunId"], 4712)
        self.assertEqual(server.run(4712)["tasks"]["total"], 401)
        self.assertEqual(len(server.get("/workflows/4712/spec").json()["taskList"]), 401)
        server.call("POST", "/workflows/4712/cancel")
        server.wait(4712)

    def test_what_is_no_spec_is_passed_over(self):
        server = self.serve()
        start_by_hand(server.aws_url, 1, "nonsense", {"hello": 1})
        arn = start_by_hand(server.aws_url, 1, "sense", spec(1))
        server.wait(find(server, arn)["workflowRunId"])
        self.assertEqual(len(server.get("/workflows").json()["items"]), 1)


class Two(unittest.TestCase):
    """Two servers with one AWS: the endpoint that the first one embeds."""

    environment = {}

    def setUp(self):
        self.first = Server().start()
        self.addCleanup(self.first.close)
        outputs = {f"stepfleet-pattern-{p}": self.outputs(p) for p in (1, 2)}
        self.second = Server("--outputs", json.dumps(outputs), local=False, environment={
            "AWS_ENDPOINT_URL": self.first.aws_url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", **self.environment}).start()
        self.addCleanup(self.second.close)

    def outputs(self, pattern):
        value = spec(pattern)
        return {"stateMachineArn": MACHINE.format(pattern), "region": "us-east-1",
                "clusterName": value["clusterName"], "s3BucketName": value["s3BucketName"],
                "taskDefinition": value["taskDefinition"], "containerName": value["containerName"],
                "subnetIdLiteral": value["subnetIdLiteral"], "separator": value["separator"],
                "securityGroupId": value["securityGroupId"],
                **{name: value[name] for name in value if name.startswith(("ddbTable", "hashKey", "rangeKey"))}}

    def mirror(self, table, until):
        """Waits until the second server's /readyz tells this of a table of pattern 1."""
        end = time.monotonic() + PATIENCE
        while not until(self.second.get("/readyz").json()["mirror"]["pattern1"][table]):
            self.assertLess(time.monotonic(), end, self.second.read_log())
            time.sleep(0.05)  # polling a REST answer


class TwoControlPlanes(Two):
    def test_both_show_all_runs(self):
        ids = {self.first.accept(spec(1), 1), self.second.accept(spec(2), 2)}
        for server in (self.first, self.second):
            end = time.monotonic() + PATIENCE
            while {run["workflowRunId"] for run in server.get("/workflows").json()["items"]} != ids:
                self.assertLess(time.monotonic(), end, server.read_log())
                time.sleep(0.05)  # polling a REST answer
            for run_id in ids:
                self.assertEqual(server.wait(run_id)["status"], "Completed")
        origins = [[server.run(run_id)["origin"] for run_id in sorted(ids)]
                   for server in (self.first, self.second)]
        self.assertEqual(origins, [["here", "elsewhere"], ["elsewhere", "here"]])

    def ids(self, server):
        return [run["workflowRunId"] for run in server.get("/workflows?limit=1000").json()["items"]]

    def executions(self):
        return states(self.first.aws_url, "ListExecutions",
                      {"stateMachineArn": MACHINE.format(1)})["executions"]

    def test_same_key_same_run(self):
        """Whether the second one has seen the first one's execution or not: one run, one id."""
        for wait in (False, True):
            with self.subTest(wait=wait):
                key = f"key of {wait}"
                run_id = self.first.accept(spec(1), 1, Idempotency_Key=key)
                if wait:
                    self.second.wait(run_id, lambda run: run.get("endedAt"))
                self.assertEqual(self.second.accept(spec(1), 1, Idempotency_Key=key), run_id)
                for server in (self.first, self.second):
                    run = server.wait(run_id)
                    self.assertEqual((run["status"], run["tasks"]["completed"]), ("Completed", 10))
                    self.assertEqual(self.ids(server).count(run_id), 1)
        self.assertEqual(len(self.executions()), 2)
        self.assertEqual(sorted(self.ids(self.first)), sorted(self.ids(self.second)))

    def test_same_key_other_body(self):
        """Refused as soon as the first one's execution was seen."""
        key = {"Idempotency_Key": "seen"}
        run_id = self.first.accept(spec(1), 1, **key)
        self.second.wait(run_id, lambda run: run.get("endedAt"))
        refused = self.second.submit(spec(1, workflowName="other_pattern_1"), 1, **key)
        self.assertEqual(refused.status, 422, refused.body)
        self.assertIn(str(run_id), refused.json()["detail"])
        self.assertEqual(self.second.run(run_id)["status"], "Completed")
        self.assertEqual(len(self.executions()), 1)

    def test_same_key_other_body_at_the_same_time(self):
        """Neither knows of the other yet: whoever starts the execution first has it, the other run
        fails and says why."""
        key = {"Idempotency_Key": "k"}
        ids = [self.first.accept(spec(1), 1, **key)]
        late = self.second.submit(spec(1, workflowName="other_pattern_1"), 1, **key)
        if late.status == 202:  # else the second one was told of the execution meanwhile
            ids.append(late.json()["workflowRunId"])
            self.assertNotEqual(*ids)
        else:
            self.assertEqual(late.status, 422, late.body)
        runs = [server.wait(run_id) for server, run_id in zip((self.first, self.second), ids)]
        self.assertEqual([run["status"] for run in runs].count("Completed"), 1, runs)
        for run in runs:
            if run["status"] != "Completed":
                self.assertEqual(run["status"], "Failed")
                self.assertIn("idempotency key was used with another request", run["reason"])
        self.assertEqual(len(self.executions()), 1)

    def positions(self):
        """How far the second server has read, by shard."""
        with sqlite3.connect(f"file:{self.second.data}/stepfleet.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT stream, shard, sequence FROM stream_positions").fetchall()
        db.close()
        return {(stream, shard): sequence for stream, shard, sequence in rows}

    def test_position_survives_kill(self):
        """What happens while a control plane is down is there when it is back."""
        for table in ("summary", "details"):
            self.mirror(table, lambda source: source == "stream")
        run_id = self.second.accept(spec(1), 1)
        self.second.wait(run_id)
        self.second.wait(run_id, lambda run: sum(1 for s in self.positions().values() if s) >= 2)
        before = self.positions()
        self.second.kill()
        arn = start_by_hand(self.first.aws_url, 1, "meanwhile", spec(1))
        other = self.first.wait(find(self.first, arn)["workflowRunId"])["workflowRunId"]
        self.second.start()
        run = self.second.wait(other, lambda run: run.get("endedAt"))
        self.assertEqual((run["status"], run["tasks"]["completed"], run["origin"]),
                         ("Completed", 10, "elsewhere"))
        grown = {shard for shard, sequence in before.items() if sequence}
        self.second.wait(run_id, lambda run: all(
            int(self.positions()[shard]) > int(before[shard]) for shard in grown))
        self.assertNotIn("records of a stream are lost", self.second.log.read_text())


class WithoutStreams(Two):
    """The streams endpoint is out of reach, as in a VPC with a gateway endpoint only."""

    environment = {"AWS_ENDPOINT_URL_DYNAMODB_STREAMS": "http://127.0.0.1:1"}

    def told(self):
        """How often the log tells of a stream that cannot be read."""
        return self.second.log.read_text().count("its stream cannot be")

    def test_runs_are_mirrored_by_query(self):
        run_id = self.second.accept(spec(1), 1)
        arn = start_by_hand(self.first.aws_url, 1, "by-hand", spec(1))
        run = self.second.wait(run_id)
        self.assertEqual((run["status"], run["tasks"]["completed"]), ("Completed", 10))
        run = self.second.wait(find(self.second, arn)["workflowRunId"])
        self.assertEqual((run["status"], run["tasks"]["completed"]), ("Completed", 10))
        self.mirror("details", lambda source: source == "query: the streams endpoint does not answer")
        end = time.monotonic() + PATIENCE
        while self.told() < 4 or self.second.get("/readyz").status != 200:
            self.assertLess(time.monotonic(), end, self.second.read_log())
            time.sleep(0.05)  # polling a log and a REST answer
        self.assertEqual(self.told(), 4)  # once a table


class Unreachable(unittest.TestCase):
    def test_not_ready(self):
        """Before any run was submitted, a server that cannot reach AWS says so."""
        server = Server("--state-machine-1", MACHINE.format(1), local=False, environment={
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}).start()
        self.addCleanup(server.close)
        end = time.monotonic() + PATIENCE
        while "failed" not in server.get("/readyz").json()["checks"]["aws"]:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)  # polling a REST answer
        self.assertEqual(server.get("/readyz").status, 503)
