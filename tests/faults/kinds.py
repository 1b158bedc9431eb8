"""The kinds of fault: what the proxy does to calls, and who is killed when.

Each is one round: both patterns run at the same time while it goes on. Where the product promises
to get over it, `completes` says that every task of every run must be Completed."""
import dataclasses

from tests.faults import acts
from tests.faults.proxy import Rule
from tests.faults.world import HOLD, TASKS

HOUR = 3600


@dataclasses.dataclass(frozen=True)
class Kind:
    """rules(world) makes the proxy's rules; script: in the place of the task's program."""
    name: str
    rules: object
    completes: bool = True
    script: str = ""
    tasks: int = TASKS
    skew: int = 0
    act: object = None  # act(world): what is done while the runs go on


def often(match, act, rate=0.2, times=60):
    return lambda world: [Rule(match, act, rate=rate, times=times)]


def at(match, act, *nth):
    return lambda world: [Rule(match, act, nth=nth)]


def kill(match, program, *nth, after=False, when=lambda call: True):
    """The nth such call of this program is its last."""
    def rules(world):
        return [Rule(match, acts.kill_caller(world.processes, after), nth=nth,
                     when=lambda call: when(call) and world.processes.is_at(call.port, program))]

    return rules


def says(word):
    return lambda call: word in call.body


def stop_tasks(world):
    """Has ECS stop all tasks once they have said Running."""
    for run_id in world.accepted:
        world.server.wait(
            run_id, until=lambda run: run["tasks"]["running"] == run["tasks"]["total"])
    ecs = world.server.aws("ecs")
    for arn in ecs.list_tasks(cluster="stepfleet", desiredStatus="RUNNING")["taskArns"]:
        ecs.stop_task(cluster="stepfleet", task=arn, reason="a fault")


KINDS = (
    Kind("throttling: DynamoDB", often("dynamodb.*", acts.throttle, 0.3)),
    Kind("throttling: ECS", often("ecs.*", acts.throttle, 0.4)),
    Kind("throttling: Step Functions", often("states.*", acts.throttle, 0.4)),
    Kind("throttling: S3 (503 SlowDown)", often("s3.*", acts.slow_down, 0.3, 24)),
    Kind("throttling: all services", often("*", acts.throttle)),
    Kind("throttling: Rate exceeded in disguise", often("ecs.RunTask", acts.rate_exceeded, 0.6, 12)),
    Kind("RunTask failures[] that pass", at("ecs.RunTask", acts.refuse_task(
        "Capacity is unavailable at this time. Please try again later or in a different "
        "availability zone"), 1, 3)),
    Kind("RunTask failures[] that stay", at("ecs.RunTask", acts.refuse_task("MISSING"), 2, 3),
         completes=False),
    Kind("CopyObject: 200 with <Error>", at("s3.CopyObject", acts.copy_error_200, 1, 3, 4)),
    Kind("errors 500", often("*", acts.server_error)),
    Kind("HTML 502", often("*", acts.html_502)),
    Kind("answers cut off", often("*", acts.truncate)),
    Kind("answers damaged (CRC)", often("dynamodb.*", acts.bad_crc, 0.3)),
    Kind("answers that are slow", often("*", acts.slow(0.7))),
    Kind("connection reset before", often("*", acts.reset_before)),
    Kind("connection reset after (lost answer)", often("*", acts.lost_answer)),
    Kind("last word of a task lost", lambda world: [
        Rule("dynamodb.UpdateItem", acts.lost_answer, nth=(1, 3, 5), when=says(b"Completed"))]),
    Kind("credentials expired", at("*", acts.expired_token, 5, 9, 14, 20), completes=False),
    Kind("clock an hour ahead", often("*", acts.clock_of(HOUR), 1.0, 10**6), skew=HOUR),
    Kind("clock an hour behind", often("*", acts.clock_of(-HOUR), 1.0, 10**6), skew=-HOUR),
    Kind("task killed before its row", kill("dynamodb.*", "s3-copy-task", 1), completes=False),
    Kind("task killed behind its first row", kill("dynamodb.UpdateItem", "s3-copy-task", 1,
                                                  after=True), completes=False),
    Kind("task killed between rows", kill("s3.CopyObject", "s3-copy-task", 2, after=True),
         completes=False),
    Kind("task killed before its last row", kill("dynamodb.*", "s3-copy-task", 1,
                                                 when=says(b"Completed")), completes=False),
    Kind("task killed at SIGTERM", kill("dynamodb.*", "s3-copy-task", 1, 2,
                                        when=says(b"SIGTERM")),
         completes=False, script=HOLD, tasks=2, act=stop_tasks),
    Kind("launcher killed before RunTask", kill("ecs.RunTask", "task-launcher", 2)),
    Kind("launcher killed behind RunTask", kill("ecs.RunTask", "task-launcher", 3, after=True)),
    Kind("launcher killed behind its row", kill("dynamodb.*", "task-launcher", 1, after=True)),
    Kind("monitor killed at its first call", kill("*", "task-monitor", 1)),
    Kind("monitor killed behind a write", kill("dynamodb.UpdateItem", "task-monitor", 1,
                                               after=True)),
)
