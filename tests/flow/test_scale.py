"""Lists of tasks that are beyond an execution's input: the manifest, and what reads it."""
import collections
import hashlib
import json
import threading
import unittest

from tests.faults.proxy import Proxy, Rule
from tests.flow.server import PATIENCE, Server, spec

TASKS = 700


def long_spec(pattern, count, **changes):
    """Names long enough that `count` tasks of either pattern need a manifest."""
    tasks = [{"taskName": f"task-{i:04}-" + "n" * 230, "objectKey": "input/small.bin"}
             for i in range(count)]
    return spec(pattern, workflowRunId=None, taskList=tasks, monitorIntervalSeconds=1, **changes)


class Scale(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.server.start()
        for pattern in (1, 2):
            self.server.aws("s3").put_object(Bucket=f"stepfleet-pattern-{pattern}",
                                             Key="input/small.bin", Body=b"small")

    def execution_input(self, run):
        execution = self.server.aws("stepfunctions").describe_execution(
            executionArn=run["execution"]["arn"])
        return json.loads(execution["input"])

    def manifest(self, run, bucket):
        """The object of a run's manifest, checked against what the input says of it."""
        told = self.execution_input(run)
        self.assertNotIn("taskList", told)
        place = told["taskManifest"]
        self.assertEqual(place["s3BucketName"], bucket)
        self.assertEqual(place["objectKey"],
                         f"stepfleet/{run['workflowRunId']}/tasks-{place['sha256']}.json")
        text = self.server.aws("s3").get_object(Bucket=bucket,
                                                Key=place["objectKey"])["Body"].read()
        self.assertEqual(place["sha256"], hashlib.sha256(text).hexdigest())
        tasks = json.loads(text)
        self.assertEqual(place["numberOfTasks"], len(tasks))
        return tasks

    def copies(self, bucket):
        pages = self.server.aws("s3").get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix="input/small.bin_")
        return sum(len(page.get("Contents", [])) for page in pages)

    def check_complete(self, run_id, value, pattern):
        bucket = f"stepfleet-pattern-{pattern}"
        run = self.server.wait(run_id)
        self.assertEqual((run["status"], run["reason"]), ("Completed", None),
                         f"{run}\n{self.server.task_errors()}")
        self.assertEqual(run["tasks"]["completed"], len(value["taskList"]))
        tasks = self.server.tasks(run_id)
        self.assertEqual([task["taskName"] for task in tasks],
                         [task["taskName"] for task in value["taskList"]])
        self.assertEqual(collections.Counter(task["status"] for task in tasks),
                         {"Completed": len(tasks)})
        self.assertEqual(self.copies(bucket), len(tasks))
        wanted = [{"s3BucketName": bucket, **task} for task in value["taskList"]]
        self.assertEqual(self.manifest(run, bucket), wanted)
        return run

    def test_both_patterns_complete_from_a_manifest(self):
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                value = long_spec(pattern, TASKS)
                run_id = self.server.accept(value, pattern)
                self.check_complete(run_id, value, pattern)
                submitted = self.server.get(f"/workflows/{run_id}/spec").json()
                self.assertEqual(submitted["taskList"], value["taskList"])

    def test_a_long_run_is_repeated(self):
        value = long_spec(1, TASKS)
        for task in value["taskList"][100:]:
            task["objectKey"] = "input/missing.bin"
        parent = self.server.wait(self.server.accept(value, 1))
        self.assertEqual(parent["status"], "Failed")
        self.assertEqual(parent["tasks"]["failed"], TASKS - 100)
        self.server.aws("s3").put_object(Bucket="stepfleet-pattern-1", Key="input/missing.bin",
                                         Body=b"found")
        answer = self.server.call("POST", f"/workflows/{parent['workflowRunId']}/retry")
        self.assertEqual(answer.status, 202, answer.body)
        child = self.server.wait(answer.json()["workflowRunId"])
        self.assertEqual((child["status"], child["tasks"]["total"]), ("Completed", TASKS - 100), child)

    def test_a_posted_manifest_is_refused(self):
        value = spec(1, workflowRunId=None)
        value["taskManifest"] = {"s3BucketName": "stepfleet-pattern-1", "objectKey": "x",
                                 "numberOfTasks": 1, "sha256": "0" * 64}
        answer = self.server.submit(value, 1)
        self.assertEqual(answer.status, 422, answer.body)
        self.assertIn("give the tasks in taskList", answer.body.decode())

    def test_a_bucket_that_is_not_there_is_told(self):
        value = long_spec(1, TASKS, s3BucketName="no-such-bucket-here")
        for task in value["taskList"]:
            task["s3BucketName"] = "stepfleet-pattern-1"
        run = self.server.wait(self.server.accept(value, 1))
        self.assertEqual(run["status"], "Failed")
        self.assertIn("could not be stored in S3", run["reason"])
        self.assertIn("create the bucket", run["reason"])
        self.assertIsNone(run["execution"]["arn"])


class ManifestCrash(unittest.TestCase):
    """kill -9 of the server when the manifest is stored and the execution is not started."""

    def setUp(self):
        self.proxy = Proxy()
        self.addCleanup(self.proxy.close)
        self.server = Server("--aws-advertise", self.proxy.url)
        self.addCleanup(self.server.close)
        self.reached = threading.Event()

    def hold(self, _call, _forward):
        self.reached.set()
        return None  # the connection is reset: the call was never carried out

    def stored(self):
        """Bodies of the manifests that were put."""
        return [call.body for call in self.proxy.calls
                if call.operation == "PutObject" and "/tasks-" in call.path]

    def test_the_same_object_is_stored_again_and_the_run_ends(self):
        rule = Rule("*.StartExecution", self.hold)
        self.proxy.rules.append(rule)
        self.server.start()
        self.proxy.set_target(self.server.aws_url)
        value = long_spec(1, TASKS)
        for task in value["taskList"]:
            task["objectKey"] = "input/sample.bin"
        run_id = self.server.accept(value, 1)
        self.assertTrue(self.reached.wait(PATIENCE))
        self.proxy.set_target(None)
        self.server.kill()
        self.proxy.rules.remove(rule)
        before = self.stored()
        self.server.start()
        self.proxy.set_target(self.server.aws_url)
        run = self.server.wait(run_id)
        self.assertEqual((run["status"], run["tasks"]["completed"]), ("Completed", TASKS),
                         f"{run}\n{self.server.task_errors()}")
        after = self.stored()
        self.assertGreater(len(after), len(before))
        self.assertEqual(len(set(after)), 1)
        executions = self.server.aws("stepfunctions").list_executions(
            stateMachineArn=run["execution"]["arn"].rsplit(":", 1)[0]
            .replace(":execution:", ":stateMachine:"))["executions"]
        self.assertEqual(len(executions), 1)


if __name__ == "__main__":
    unittest.main()
