"""Both patterns from the POST to the last copied byte."""
import hashlib
import os
import unittest

from tests.flow.server import Server, spec


class Patterns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.addClassCleanup(cls.server.close)

    def put_input(self, value):
        data = os.urandom(3 * 1024 * 1024 + 17)
        s3 = self.server.aws("s3")
        s3.put_object(Bucket=value["s3BucketName"], Key=value["taskList"][0]["objectKey"], Body=data)
        return hashlib.sha256(data).hexdigest()

    def check_pattern(self, pattern):
        value = spec(pattern)
        digest = self.put_input(value)
        run_id = self.server.accept(value, pattern)
        run = self.server.wait(run_id)
        self.assertEqual(run["status"], "Completed", run)
        self.assertEqual(run["execution"]["status"], "SUCCEEDED")
        self.assertEqual(run["tasks"], {"total": 10, "submitted": 0, "running": 0, "completed": 10,
                                        "failed": 0, "cancelled": 0})
        self.check_rows(value, run_id)
        self.check_objects(value, run_id, digest)
        self.check_history(run_id, pattern)

    def check_rows(self, value, run_id):
        dynamodb = self.server.aws("dynamodb")
        item = dynamodb.get_item(
            TableName=value["ddbTableNameWFSummary"],
            Key={"workflow_name": {"S": value["workflowName"]}, "workflow_run_id": {"N": str(run_id)}})["Item"]
        self.assertEqual(item["number_of_tasks"]["N"], "10")
        self.assertEqual(item["completed_tasks"]["N"], "10")
        self.assertEqual(item["status"]["S"], "Completed")
        rows = dynamodb.query(
            TableName=value["ddbTableNameWFDetails"], KeyConditionExpression="workflow_run_id = :r",
            ExpressionAttributeValues={":r": {"N": str(run_id)}})["Items"]
        self.assertEqual(len(rows), 10)
        self.assertEqual({row["status"]["S"] for row in rows}, {"Completed"})
        self.assertEqual({row["task_name"]["S"] for row in rows},
                         {task["taskName"] for task in value["taskList"]})
        for row in rows:
            self.assertGreaterEqual(float(row["exec_time_in_seconds"]["N"]), 0)

    def check_objects(self, value, run_id, digest):
        s3 = self.server.aws("s3")
        for task in self.server.tasks(run_id):
            self.assertEqual(task["destinationKey"], f"{task['objectKey']}_{task['ecsTaskId']}")
            body = s3.get_object(Bucket=value["s3BucketName"], Key=task["destinationKey"])["Body"].read()
            self.assertEqual(hashlib.sha256(body).hexdigest(), digest)

    def check_history(self, run_id, pattern):
        events = self.server.get(f"/workflows/{run_id}/events?limit=1000").json()["items"]
        self.assertEqual(events[0]["type"], "ExecutionStarted")
        self.assertEqual(events[-1]["type"], "ExecutionSucceeded")
        self.assertEqual([e["id"] for e in events], list(range(1, len(events) + 1)))
        entered = {e["details"]["name"] for e in events if e["type"].endswith("StateEntered")}
        wanted = {"InvokeTaskMonitor", "CheckIfTasksCompleted", "Done"}
        wanted |= {"InvokeTaskLauncher"} if pattern == 1 else {
            "KickOffInParallel", "S3CopyTaskRunner", "SubmitECSTasks", "PassThroughECSArns"}
        self.assertLessEqual(wanted, entered)

    def test_pattern_1(self):
        self.check_pattern(1)

    def test_pattern_2(self):
        self.check_pattern(2)

    def test_failed_task_is_told_and_others_complete(self):
        for pattern in (1, 2):
            for name, change, code in (
                    ("object", {"objectKey": "input/not-there"}, "NoSuchKey"),
                    ("bucket", {"s3BucketName": "no-such-bucket-here"}, "NoSuchBucket")):
                with self.subTest(pattern=pattern, missing=name):
                    value = spec(pattern)
                    value["taskList"][3].update(change)
                    self.check_one_failure(value, pattern, code)

    def check_one_failure(self, value, pattern, code):
        run = self.server.wait(self.server.accept(value, pattern))
        self.assertEqual(run["status"], "Failed", run)
        self.assertEqual(run["tasks"]["completed"], 9)
        self.assertEqual(run["tasks"]["failed"], 1)
        self.assertIn("1", run["reason"])
        self.assertEqual(run["execution"]["status"], "FAILED")
        failed = [t for t in self.server.tasks(run["workflowRunId"]) if t["status"] == "Failed"]
        self.assertEqual([t["taskName"] for t in failed], ["task-04"])
        self.assertIn(code, failed[0]["stoppedReason"])

    def test_own_table_and_key_names_are_kept(self):
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                self.check_own_names(pattern)

    def check_own_names(self, pattern):
        names = {"ddbTableNameWFSummary": f"my.summary-{pattern}", "hashKeyWFSummary": "name",
                 "rangeKeyWFSummary": "status_id", "ddbTableNameWFDetails": f"my.details-{pattern}",
                 "hashKeyWFDetails": "run", "rangeKeyWFDetails": "region"}
        dynamodb = self.server.aws("dynamodb")
        for table, hash_key, hash_type, range_key, range_type in (
                (names["ddbTableNameWFSummary"], "name", "S", "status_id", "N"),
                (names["ddbTableNameWFDetails"], "run", "N", "region", "S")):
            dynamodb.create_table(
                TableName=table, BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": hash_key, "AttributeType": hash_type},
                                      {"AttributeName": range_key, "AttributeType": range_type}],
                KeySchema=[{"AttributeName": hash_key, "KeyType": "HASH"},
                           {"AttributeName": range_key, "KeyType": "RANGE"}])
        run = self.server.wait(self.server.accept(spec(pattern, **names), pattern))
        self.assertEqual(run["status"], "Completed", run)
        rows = dynamodb.scan(TableName=names["ddbTableNameWFDetails"])["Items"]
        self.assertEqual({row["run"]["N"] for row in rows}, {str(run["workflowRunId"])})
        self.assertEqual(len(rows), 10)
