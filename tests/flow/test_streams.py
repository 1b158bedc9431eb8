"""The local endpoint's DynamoDB Streams, followed as a mirror or a Lambda trigger would."""
import collections
import time
import unittest

from botocore.exceptions import ClientError

from tests.flow.server import PATIENCE, Server, spec

DETAILS = "workflow_details_pattern_{}"
TABLES = {f"workflow_{kind}_pattern_{pattern}" for kind in ("summary", "details") for pattern in (1, 2)}
ORDER = ("Submitted", "Running", "Completed", "Failed")


class Follower:
    """Reads a table's stream from its oldest record on, parents before children.

    What it has to remember to go on later: the records' last sequence number, and which shard it
    was in."""

    def __init__(self, server, table):
        self.table = table
        self.records = []
        self.done = set()
        self.iterators = {}
        self.last = {}
        self.use(server)

    def use(self, server):
        """Goes on with another server process on the same data."""
        self.streams = server.aws("dynamodbstreams")
        self.arn = server.aws("dynamodb").describe_table(TableName=self.table)["Table"]["LatestStreamArn"]
        self.iterators = {}

    def shards(self):
        found, more = [], {}
        while True:
            stream = self.streams.describe_stream(StreamArn=self.arn, Limit=2, **more)["StreamDescription"]
            found += stream["Shards"]
            if "LastEvaluatedShardId" not in stream:
                return found
            more = {"ExclusiveStartShardId": stream["LastEvaluatedShardId"]}

    def iterator(self, shard):
        if shard in self.iterators:
            return self.iterators[shard]
        where = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard in self.last:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.last[shard]}
        return self.streams.get_shard_iterator(StreamArn=self.arn, ShardId=shard, **where)["ShardIterator"]

    def read(self, shard):
        """What is new in a shard."""
        iterator = self.iterator(shard)
        while iterator:
            page = self.streams.get_records(ShardIterator=iterator, Limit=7)
            iterator = self.iterators[shard] = page.get("NextShardIterator")
            if not page["Records"]:
                break
            self.records += page["Records"]
            self.last[shard] = page["Records"][-1]["dynamodb"]["SequenceNumber"]
        if not iterator:
            self.done.add(shard)

    def follow(self):
        """One round; the shards come in the order of their lineage."""
        for shard in self.shards():
            if shard["ShardId"] not in self.done:
                self.read(shard["ShardId"])
        return self


def of_run(records, run_id):
    """The new images of a run's rows, by task."""
    rows = collections.defaultdict(list)
    for record in records:
        image = record["dynamodb"].get("NewImage", {})
        if image.get("workflow_run_id", {}).get("N") == str(run_id):
            rows[image["task_name"]["S"]].append(image["status"]["S"])
    return rows


class Streams(unittest.TestCase):
    def serve(self):
        server = Server().start()
        self.addCleanup(server.close)
        return server

    def check_order(self, follower):
        numbers = [record["dynamodb"]["SequenceNumber"] for record in follower.records]
        self.assertEqual(numbers, sorted(set(numbers), key=int))
        self.assertEqual({len(number) for number in numbers}, {21})
        self.assertEqual(len({record["eventID"] for record in follower.records}), len(numbers))

    def check_run(self, follower, run_id):
        """Every task's rows in the order in which a task lives, and all of them to their end."""
        self.check_order(follower)
        rows = of_run(follower.records, run_id)
        self.assertEqual(len(rows), 10, rows)
        for task, statuses in rows.items():
            places = [ORDER.index(status) for status in statuses]
            self.assertEqual(places, sorted(places), (task, statuses))
            self.assertEqual(statuses[-1], "Completed", task)

    def test_audit_tables_have_streams(self):
        server = self.serve()
        listed = server.aws("dynamodbstreams").list_streams()["Streams"]
        self.assertEqual({stream["TableName"] for stream in listed}, TABLES)
        for stream in listed:
            table = server.aws("dynamodb").describe_table(TableName=stream["TableName"])["Table"]
            self.assertEqual(table["LatestStreamArn"], stream["StreamArn"])
            self.assertEqual(table["LatestStreamLabel"], stream["StreamLabel"])
            self.assertEqual(table["StreamSpecification"],
                             {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})

    def test_runs_are_seen_while_they_go_on(self):
        server = self.serve()
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                follower = Follower(server, DETAILS.format(pattern))
                run_id = server.accept(spec(pattern), pattern)
                server.wait(run_id, lambda run: follower.follow() and run["endedAt"])
                self.check_run(follower.follow(), run_id)

    def test_restart_in_between(self):
        server = self.serve()
        follower = Follower(server, DETAILS.format(1))
        first = server.accept(spec(1), 1)
        server.wait(first)
        self.check_run(follower.follow(), first)
        seen = len(follower.records)
        for end in (server.stop, server.kill):
            end()
            server.start()
            follower.use(server)
            self.assertEqual(len(follower.follow().records), seen)
            run_id = server.accept(spec(1), 1)
            server.wait(run_id)
            self.check_run(follower.follow(), run_id)
            self.check_run(follower, first)
            seen = len(follower.records)

    def test_kill_in_the_middle(self):
        server = self.serve()
        follower = Follower(server, DETAILS.format(2))
        run_id = server.accept(spec(2), 2)
        end = time.monotonic() + PATIENCE
        while not of_run(follower.follow().records, run_id):
            self.assertLess(time.monotonic(), end)
        server.kill()
        server.start()
        follower.use(server)
        server.wait(run_id)
        follower.follow()
        self.check_order(follower)
        # What was told last is what the table holds, whatever the kill did to the run.
        table = server.aws("dynamodb").query(
            TableName=DETAILS.format(2), KeyConditionExpression="workflow_run_id = :r",
            ExpressionAttributeValues={":r": {"N": str(run_id)}})["Items"]
        self.assertEqual(self.last_images(follower, run_id),
                         sorted(table, key=lambda row: row["ecs_task_id"]["S"]))

    def last_images(self, follower, run_id):
        last = {}
        for record in follower.records:
            change = record["dynamodb"]
            if change["Keys"]["workflow_run_id"]["N"] == str(run_id):
                last[change["Keys"]["ecs_task_id"]["S"]] = change.get("NewImage")
        return [last[key] for key in sorted(last) if last[key]]

    def test_lineage_of_many_records(self):
        server = self.serve()
        dynamodb = server.aws("dynamodb")
        dynamodb.create_table(
            TableName="many", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        follower = Follower(server, "many")
        for start in range(0, 1100, 25):
            dynamodb.batch_write_item(RequestItems={"many": [
                {"PutRequest": {"Item": {"id": {"N": str(start + i)}}}} for i in range(25)]})
            if start % 200 == 0:
                follower.follow()
        follower.follow()
        self.check_order(follower)
        self.assertEqual([r["dynamodb"]["Keys"]["id"]["N"] for r in follower.records],
                         [str(i) for i in range(1100)])
        shards = follower.shards()
        self.assertGreater(len(shards), 2)
        self.assertEqual([shard.get("ParentShardId") for shard in shards],
                         [None, *(shard["ShardId"] for shard in shards[:-1])])
        self.assertEqual(follower.done, {shard["ShardId"] for shard in shards[:-1]})

    def test_errors_have_the_services_shapes(self):
        server = self.serve()
        streams = server.aws("dynamodbstreams")
        arn = Follower(server, DETAILS.format(1)).arn
        cases = (
            ("ResourceNotFoundException", streams.describe_stream, {"StreamArn": arn + "1"}),
            ("ResourceNotFoundException", streams.get_shard_iterator,
             {"StreamArn": arn, "ShardId": "shardId-00000001414576573621-f55eea83",
              "ShardIteratorType": "LATEST"}),
            ("ValidationException", streams.get_records, {"ShardIterator": "no iterator"}))
        for code, call, arguments in cases:
            with self.subTest(code=code, call=call.__name__), self.assertRaises(ClientError) as raised:
                call(**arguments)
            self.assertEqual(raised.exception.response["Error"]["Code"], code)
        self.assertTrue(issubclass(streams.exceptions.ExpiredIteratorException, ClientError))
