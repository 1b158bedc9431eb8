"""Debian's AWS CLI against the embedded endpoint, and who is refused there."""
import http.client
import json
import os
import pathlib
import subprocess
import time
import unittest
import urllib.parse

from tests.flow.server import PATIENCE, Server, clean_environment, spec, stopped_tasks


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.addClassCleanup(cls.server.close)

    def aws(self, *words):
        environment = clean_environment(
            AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1",
            AWS_EC2_METADATA_DISABLED="true", HOME=str(self.server.folder), AWS_PAGER="")
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.server.aws_url, *words],
                              env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"aws {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    def test_s3_copy_in_list_and_out(self):
        data = os.urandom(9 * 1024 * 1024)  # above the CLI's multipart threshold
        source = self.server.folder / "in.bin"
        source.write_bytes(data)
        self.aws("s3", "cp", "--no-progress", str(source), "s3://stepfleet-pattern-1/cli/a b+ü.bin")
        self.assertIn("a b+ü.bin", self.aws("s3", "ls", "s3://stepfleet-pattern-1/cli/"))
        target = self.server.folder / "out.bin"
        self.aws("s3", "cp", "--no-progress", "s3://stepfleet-pattern-1/cli/a b+ü.bin", str(target))
        self.assertEqual(pathlib.Path(target).read_bytes(), data)

    def test_a_run_started_and_read_by_the_cli(self):
        value = spec(1, workflowRunId=99, pattern=1)
        machine = "arn:aws:states:us-east-1:000000000000:stateMachine:stepfleet-pattern-1"
        started = self.aws("stepfunctions", "start-execution", "--state-machine-arn", machine,
                           "--name", "by-hand", "--input", json.dumps(value))
        arn = started["executionArn"]
        self.wait_for(arn)
        described = self.aws("stepfunctions", "describe-execution", "--execution-arn", arn)
        self.assertEqual(described["status"], "SUCCEEDED", described)
        history = self.aws("stepfunctions", "get-execution-history", "--execution-arn", arn)
        self.assertEqual(history["events"][-1]["type"], "ExecutionSucceeded")
        self.check_tables(value)
        self.check_tasks()

    def wait_for(self, arn):
        states = self.server.aws("stepfunctions")
        end = time.monotonic() + PATIENCE
        while states.describe_execution(executionArn=arn)["status"] == "RUNNING":
            self.assertLess(time.monotonic(), end, "the execution did not end")

    def check_tables(self, value):
        table = value["ddbTableNameWFDetails"]
        query = self.aws("dynamodb", "query", "--table-name", table, "--key-condition-expression",
                         "workflow_run_id = :r", "--expression-attribute-values", '{":r":{"N":"99"}}')
        self.assertEqual(query["Count"], 10)
        scan = self.aws("dynamodb", "scan", "--table-name", table, "--filter-expression",
                        "begins_with(task_name, :t)", "--expression-attribute-values",
                        '{":t":{"S":"task-0"}}', "--max-items", "3")
        self.assertEqual(len(scan["Items"]), 3)
        key = {"workflow_name": {"S": value["workflowName"]}, "workflow_run_id": {"N": "99"}}
        item = self.aws("dynamodb", "get-item", "--table-name", value["ddbTableNameWFSummary"],
                        "--key", json.dumps(key))["Item"]
        self.assertEqual(item["completed_tasks"], {"N": "10"})

    def check_tasks(self):
        stopped_tasks(self.server.aws("ecs"), 99)
        arns = self.aws("ecs", "list-tasks", "--cluster", "stepfleet", "--started-by",
                        "stepfleet-99", "--desired-status", "STOPPED")["taskArns"]
        self.assertEqual(len(arns), 10)
        tasks = self.aws("ecs", "describe-tasks", "--cluster", "stepfleet", "--tasks", *arns)["tasks"]
        self.assertEqual({t["lastStatus"] for t in tasks}, {"STOPPED"})
        self.assertEqual({t["containers"][0]["exitCode"] for t in tasks}, {0})

    def test_who_is_refused(self):
        address = urllib.parse.urlsplit(self.server.aws_url)
        signed = ("AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/states/aws4_request, "
                  f"SignedHeaders=host, Signature={'0' * 64}")
        target = {"X-Amz-Target": "AWSStepFunctions.ListStateMachines",
                  "Content-Type": "application/x-amz-json-1.0"}
        good = {**target, "Authorization": signed}
        for headers, status in ((good, 200), (target, 403),
                                ({**good, "Origin": "http://evil.example"}, 403),
                                ({**good, "Host": "evil.example"}, 403)):
            with self.subTest(headers=headers):
                connection = http.client.HTTPConnection(address.hostname, address.port,
                                                        timeout=PATIENCE)
                connection.request("POST", "/", "{}", headers)
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, status)
                connection.close()
