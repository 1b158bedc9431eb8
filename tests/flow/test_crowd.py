"""Many clients of both ports at once, then an end in the middle: what ThreadSanitizer is for."""
import concurrent.futures
import json
import threading
import unittest

import botocore.exceptions

from tests.flow.server import PATIENCE, Server, spec

RUNS = 12
TABLE = "crowd"
ECHO = json.dumps({"StartAt": "All", "States": {"All": {
    "Type": "Parallel", "End": True, "Branches": [
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": [1, {"a": "b"}], "End": True}}},
        {"StartAt": "B", "States": {"B": {
            "Type": "Map", "ItemsPath": "$.items", "End": True, "ItemProcessor": {
                "StartAt": "Put", "States": {"Put": {
                    "Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "End": True,
                    "Parameters": {"TableName": TABLE, "Item": {
                        "id": {"S.$": "States.Format('{}', $)"}, "of": {"S": "execution"}}}}}}}}}]}}})


class Crowd(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.close)
        self.server.aws("dynamodb").create_table(
            TableName=TABLE, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST")
        self.machine = self.server.aws("stepfunctions").create_state_machine(
            name="crowd", definition=ECHO, roleArn="arn:aws:iam::000000000000:role/r"
        )["stateMachineArn"]

    def runs(self, number):
        """A client of the REST API: every third run is stopped where it happens to be."""
        run_id = self.server.accept(spec(1 + number % 2), 1 + number % 2)
        ends = {"Completed"}
        if number % 3 == 0:
            run = self.server.wait(run_id, until=lambda run: run["execution"]["arn"])
            self.server.aws("stepfunctions").stop_execution(executionArn=run["execution"]["arn"])
            ends = {"Completed", "Cancelled"}
        run = self.server.wait(run_id)
        self.assertIn(run["status"], ends, run)
        self.server.get("/workflows?limit=5")
        self.server.get(f"/workflows/{run_id}/events?limit=100")

    def executions(self, number):
        client = self.server.aws("stepfunctions")
        for turn in range(6):
            arn = client.start_execution(
                stateMachineArn=self.machine, name=f"crowd-{number}-{turn}",
                input=json.dumps({"items": [number * 100 + turn, number]}))["executionArn"]
            if turn % 3 == 2:
                client.stop_execution(executionArn=arn)
            while client.describe_execution(executionArn=arn)["status"] == "RUNNING":
                client.list_executions(stateMachineArn=self.machine, maxResults=5)
            client.get_execution_history(executionArn=arn)

    def items(self, number):
        client = self.server.aws("dynamodb")
        for turn in range(15):
            key = {"id": {"S": f"row-{turn % 3}"}}  # the same few rows as everybody else
            client.update_item(TableName=TABLE, Key=key, UpdateExpression="ADD n :one SET w = :w",
                               ExpressionAttributeValues={":one": {"N": "1"}, ":w": {"N": str(number)}})
            client.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
            client.scan(TableName=TABLE, Limit=10)

    def objects(self, number):
        client = self.server.aws("s3")
        bucket = "stepfleet-pattern-1"
        for turn in range(10):
            key = f"crowd/{turn % 3}"
            client.put_object(Bucket=bucket, Key=key, Body=bytes([number]) * 70000)
            body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            self.assertEqual(len(set(body)), 1)  # one writer's whole object, never a mixture
            client.list_objects_v2(Bucket=bucket, Prefix="crowd/")

    def functions(self, number):
        """The worker refuses the event; what counts is that every caller gets an answer."""
        client = self.server.aws("lambda")
        for _ in range(3):
            answer = client.invoke(FunctionName="task-monitor", Payload=json.dumps(number))
            self.assertIn("FunctionError", answer)

    def test_all_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(RUNS + 10) as pool:
            jobs = [pool.submit(self.runs, number) for number in range(RUNS)]
            jobs += [pool.submit(work, number) for number in range(2) for work in
                     (self.executions, self.items, self.objects, self.functions)]
            for job in jobs:
                job.result()
        rows = self.server.aws("dynamodb").scan(TableName=TABLE, ConsistentRead=True)["Items"]
        counts = [int(row["n"]["N"]) for row in rows if "n" in row]
        self.assertEqual(sum(counts), 30)  # no addition was lost

    def test_end_in_the_middle(self):
        """Clients that go on while the server stops: each is answered or cut off, all in order."""
        ended = threading.Event()

        def insist(work, number):
            while not ended.is_set():
                try:
                    work(number)
                except (OSError, AssertionError, botocore.exceptions.BotoCoreError,
                        botocore.exceptions.ClientError):
                    pass

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for number in range(2):
                for work in (self.executions, self.items, self.objects, self.functions):
                    pool.submit(insist, work, number)
            try:
                self.server.wait(self.server.accept(spec(1), 1), until=lambda run: run["endedAt"] or (
                    run["tasks"]["running"] + run["tasks"]["completed"] > 0))
                code, seconds = self.server.stop()
            finally:
                ended.set()
        self.assertEqual(code, 0, self.server.read_log())
        self.assertLess(seconds, PATIENCE / 10)
