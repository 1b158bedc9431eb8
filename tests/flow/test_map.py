"""A distributed Map over an object of S3, with the server killed while its children run."""
import json
import time
import unittest

from tests.flow.server import PATIENCE, Server

ITEMS = 600
TABLE = "map_items"
BUCKET = "stepfleet-pattern-2"
MACHINE = {
    "StartAt": "Work",
    "States": {"Work": {
        "Type": "Map", "Label": "work", "MaxConcurrency": 150, "End": True,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.key"}},
        "ItemSelector": {"item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Count",
            "States": {
                "Count": {
                    "Type": "Task", "Resource": "arn:aws:states:::dynamodb:updateItem",
                    "Parameters": {
                        "TableName": TABLE, "Key": {"id": {"S.$": "$.item.name"}},
                        "UpdateExpression": "ADD times :one",
                        "ExpressionAttributeValues": {":one": {"N": "1"}}},
                    "ResultPath": None, "Next": "Pause"},
                "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Done"},
                "Done": {"Type": "Pass", "OutputPath": "$.item.name", "End": True}}},
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket.$": "$.bucket", "Prefix": "results"}}}}}


class Map(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.server.start()

    def start(self):
        names = [{"name": f"item-{i}"} for i in range(ITEMS)]
        self.server.aws("s3").put_object(Bucket=BUCKET, Key="items.json", Body=json.dumps(names))
        self.server.aws("dynamodb").create_table(
            TableName=TABLE, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
        states = self.server.aws("stepfunctions")
        machine = states.create_state_machine(
            name="map", definition=json.dumps(MACHINE),
            roleArn="arn:aws:iam::000000000000:role/map")["stateMachineArn"]
        return states.start_execution(
            stateMachineArn=machine,
            input=json.dumps({"bucket": BUCKET, "key": "items.json"}))["executionArn"]

    def run_arn(self, execution):
        """Of the only Map Run, once the execution has come to it."""
        states = self.server.aws("stepfunctions")
        end = time.monotonic() + PATIENCE
        while not (runs := states.list_map_runs(executionArn=execution)["mapRuns"]):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)  # polling the service
        self.assertEqual(1, len(runs))
        return runs[0]["mapRunArn"]

    def wait_for(self, run, count):
        """Until so many children have succeeded."""
        states = self.server.aws("stepfunctions")
        end = time.monotonic() + PATIENCE
        while True:
            counts = states.describe_map_run(mapRunArn=run)["executionCounts"]
            if counts["succeeded"] >= count:
                return
            self.assertEqual(0, counts["failed"] + counts["aborted"] + counts["timedOut"], counts)
            self.assertLess(time.monotonic(), end, counts)
            time.sleep(0.02)  # polling the service

    def results(self, details):
        s3 = self.server.aws("s3")

        def read(key):
            return json.loads(s3.get_object(Bucket=details["Bucket"], Key=key)["Body"].read())
        files = read(details["Key"])["ResultFiles"]
        self.assertEqual([], files["FAILED"])
        return [row for file in files["SUCCEEDED"] for row in read(file["Key"])]

    def test_items_are_neither_lost_nor_done_twice_by_kill_9(self):
        execution = self.start()
        run = self.run_arn(execution)
        for count in (0, 1, ITEMS // 2, ITEMS - 60):
            self.wait_for(run, count)
            self.server.kill()
            self.server.start()
        self.wait_for(run, ITEMS)
        states = self.server.aws("stepfunctions")
        end = time.monotonic() + PATIENCE
        while (told := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)  # polling the service
        self.assertEqual("SUCCEEDED", told["status"], told.get("cause"))
        rows = self.results(json.loads(told["output"])["ResultWriterDetails"])
        self.assertEqual([f"item-{i}" for i in range(ITEMS)],
                         [json.loads(row["Output"]) for row in rows])
        self.assertEqual(list(range(ITEMS)), [json.loads(row["Input"])["index"] for row in rows])
        self.check_calls()

    def check_calls(self):
        """A call that was under way at a kill is made again, and no other."""
        pages = self.server.aws("dynamodb").get_paginator("scan").paginate(TableName=TABLE)
        times = [int(item["times"]["N"]) for page in pages for item in page["Items"]]
        self.assertEqual(ITEMS, len(times))
        self.assertLessEqual(max(times), 5)
        self.assertLess(sum(times), ITEMS + 4 * 150)


if __name__ == "__main__":
    unittest.main()
