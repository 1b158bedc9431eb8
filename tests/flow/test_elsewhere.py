"""Runs that were started elsewhere: by hand, and by another control plane on the same account."""
import hashlib
import http.client
import json
import sqlite3
import time
import unittest
import urllib.parse

from tests.faults.proxy import Proxy, Rule
from tests.faults.replies import refuse
from tests.flow.server import BUILD, PATIENCE, Server, spec

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

    def prepare_first(self):
        """What the first server is to have before it starts."""

    def setUp(self):
        self.first = Server()
        self.addCleanup(self.first.close)
        self.prepare_first()
        self.first.start()
        self.second = self.another(**self.environment)

    def another(self, **environment):
        """A server that knows nothing yet of what the first one's AWS holds."""
        outputs = {f"stepfleet-pattern-{p}": self.outputs(p) for p in (1, 2)}
        server = Server("--outputs", json.dumps(outputs), local=False, environment={
            "AWS_ENDPOINT_URL": self.first.aws_url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", **environment}).start()
        self.addCleanup(server.close)
        return server

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

    def test_same_key_other_pattern(self):
        """Execution names are taken within one state machine only, so the other one is looked at."""
        key = {"Idempotency_Key": "both patterns"}
        run_id = self.first.accept(spec(1), 1, **key)
        self.first.wait(run_id, lambda run: run["execution"]["arn"])
        late = self.second.submit(spec(2), 2, **key)
        if late.status == 202:  # the second one has not seen the first one's execution yet
            run = self.second.wait(late.json()["workflowRunId"])
            self.assertEqual(run["status"], "Failed")
            self.assertIn("idempotency key was used with another request", run["reason"])
        else:
            self.assertEqual(late.status, 422, late.body)
        self.assertEqual(self.first.wait(run_id)["status"], "Completed")
        self.assertEqual(states(self.first.aws_url, "ListExecutions",
                                {"stateMachineArn": MACHINE.format(2)})["executions"], [])

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


class WithoutManifest(Two):
    """A run whose list of tasks this server cannot read."""

    def setUp(self):
        self.proxy = Proxy()
        self.addCleanup(self.proxy.close)
        self.environment = {"AWS_ENDPOINT_URL_S3": self.proxy.url}
        super().setUp()
        self.proxy.set_target(self.first.aws_url)

    def start_with_manifest(self, name, **changes):
        """By hand, with the tasks of the example in an object of its own."""
        value = spec(1, **changes)
        tasks = value.pop("taskList")[:2]
        body = json.dumps(tasks).encode()
        bucket = value["s3BucketName"]
        self.first.aws("s3").put_object(Bucket=bucket, Key="by/hand.json", Body=body)
        value["taskManifest"] = {"s3BucketName": bucket, "objectKey": "by/hand.json",
                                 "numberOfTasks": 2, "sha256": hashlib.sha256(body).hexdigest()}
        return start_by_hand(self.first.aws_url, 1, name, value)

    def prepare_first(self):
        """Its tasks wait for a file before they begin."""
        self.gate = self.first.folder / "gate"
        self.first.use_workers(**{"s3-copy-task": f"while [ ! -e {self.gate} ]; do sleep 0.05; done\n"
                                                  f"exec {BUILD}/s3-copy-task\n"})

    @staticmethod
    def deny(call, _forward):
        return refuse("s3", 403, "AccessDenied", "Access Denied")

    def test_is_shown_and_completed_when_it_can_be_read(self):
        rule = Rule("s3.GetObject", self.deny)
        self.proxy.rules.append(rule)
        arn = self.start_with_manifest("unreadable")
        run_id = find(self.second, arn)["workflowRunId"]
        run = self.second.run(run_id)
        self.assertEqual((run["status"], run["origin"], run["tasks"]["submitted"]),
                         ("Running", "elsewhere", 0))
        self.assertRegex(run["reason"], r"the list of its 2 tasks, s3://.*/by/hand.json, cannot be "
                                        r"read \(.*AccessDenied.*allow this server s3:GetObject")
        self.assertEqual(run["tasksUnlisted"], run["reason"])
        self.assertIn("taskManifest", self.second.get(f"/workflows/{run_id}/spec").json())
        # Neither another run nor a restart waits for it.
        other = start_by_hand(self.first.aws_url, 1, "readable", spec(1))
        find(self.second, other)
        self.second.kill()
        self.second.start()
        self.proxy.rules.remove(rule)
        run = self.second.wait(run_id, lambda run: "tasksUnlisted" not in run)
        self.assertEqual((run["status"], run["reason"], run["tasks"]["total"]), ("Running", None, 2))
        self.assertEqual(len(self.second.get(f"/workflows/{run_id}/spec").json()["taskList"]), 2)
        self.gate.touch()
        run = self.second.wait(run_id)
        self.assertEqual((run["status"], run["reason"], run["tasks"]["completed"]),
                         ("Completed", None, 2))

    def test_holds_up_nobody_and_ends_with_what_is_known(self):
        """S3 is out of reach of the second server, all the time."""
        self.proxy.set_target("http://127.0.0.1:1")
        self.gate.touch()
        arns = [start_by_hand(self.first.aws_url, 1, "before", spec(1, workflowRunId=11)),
                self.start_with_manifest("unreadable", workflowRunId=12),
                start_by_hand(self.first.aws_url, 1, "behind", spec(1, workflowRunId=13))]
        for arn in arns:
            find(self.second, arn)
        for run_id, tasks in ((11, 10), (12, 2), (13, 10)):
            run = self.second.wait(run_id)
            self.assertEqual((run["status"], run["tasks"]["completed"], run["tasks"]["total"]),
                             ("Completed", tasks, tasks))
            self.assertEqual("tasksUnlisted" in run, run_id == 12)
        self.assertIn("cannot be read", self.second.run(12)["reason"])
        refused = self.second.call("POST", "/workflows/12/retry")
        self.assertEqual(refused.status, 409)
        self.assertIn("its list of tasks could not be read", refused.json()["detail"])


class WithoutRows(Two):
    """What had ended long before a server saw it, and whose audit rows are gone by then."""

    def delete_rows(self, value, run_id, names):
        dynamodb = self.first.aws("dynamodb")
        table, hash_key, range_key = (value[f"{part}WFDetails"]
                                      for part in ("ddbTableName", "hashKey", "rangeKey"))
        for task in self.first.tasks(run_id):
            if task["taskName"] in names:
                dynamodb.delete_item(TableName=table, Key={
                    hash_key: {"N": str(run_id)}, range_key: {"S": task["ecsTaskId"]}})

    def test_step_functions_word_stands(self):
        value = spec(1)
        names = [task["taskName"] for task in value["taskList"]]
        ids = [self.first.accept(spec(1), 1) for _ in range(3)]
        for run_id in ids:
            self.assertEqual(self.first.wait(run_id)["status"], "Completed")
        self.delete_rows(value, ids[0], names)
        self.delete_rows(value, ids[1], names[:4])
        late = self.another()
        for run_id, gone in zip(ids, (10, 4, 0)):
            run = late.wait(run_id, lambda run: run.get("endedAt"))
            self.assertEqual((run["status"], run["tasks"]["completed"], run["tasks"]["total"]),
                             ("Completed", 10, 10))
            self.assertEqual(run["reason"], gone and "Step Functions says that the execution "
                             f"succeeded; this server found it later, and of {gone} of its 10 tasks "
                             "there is no audit row" or None)
            told = [task["taskName"] for task in late.tasks(run_id)
                    if "audit row is not there" in (task["stoppedReason"] or "")]
            self.assertEqual(told, names[:gone])

    def test_a_failure_stays_one(self):
        value = spec(1)
        value["taskList"][0]["objectKey"] = "input/nothing.bin"
        run_id = self.first.accept(value, 1)
        self.assertEqual(self.first.wait(run_id)["status"], "Failed")
        self.delete_rows(value, run_id, [task["taskName"] for task in value["taskList"]])
        run = self.another().wait(run_id, lambda run: run.get("endedAt"))
        self.assertEqual((run["status"], run["tasks"]["failed"]), ("Failed", 10))
        self.assertIn("S3NotFound", run["reason"])


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
