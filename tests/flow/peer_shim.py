"""Runs aws_shim.py (first argument: its path) with more of moto's defects mended, so that it behaves
as AWS does where the product relies on it:

* ecs:runTask takes StartedBy and ClientToken, as RunTask does (moto drops them without a word);
* connections that break are <Service>.SdkClientException, not States.Runtime or Exception;
* a RunTask that started nothing is tried anew when it comes again, not answered from memory; one
  that comes again is never the one that is refused, for its answer is known already, or, while the
  first is under way, waited for;
* GetExecutionHistory knows reverseOrder, maxResults and nextToken;
* a stack that is deleted takes its route tables and cluster along (moto forgets it and keeps them).
"""
import collections
import contextlib
import importlib.util
import json
import sys
import threading

from botocore.exceptions import BotoCoreError, ClientError
from moto.ec2.models import ec2_backends
from moto.ec2.models.route_tables import RouteTable
from moto.ecs.models import Cluster, ecs_backends
from moto.stepfunctions import responses
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_ecs, state_task_service_lambda)

HISTORY_PAGE = 100


def mend_run_task():
    allowed = state_task_service_ecs._SUPPORTED_API_PARAM_BINDINGS["runtask"]
    allowed |= {"StartedBy", "ClientToken"}


def mend_error_names():
    """What an SDK says of its own is a ClientError to moto's interpreter from here on."""
    for owner, prefix in ((state_task_service_ecs.StateTaskServiceEcs, "AmazonECSException"),
                          (state_task_service_lambda.StateTaskServiceLambda, "ServiceException")):
        def _from_error(self, env, ex, old=owner._from_error, generic=prefix):
            if isinstance(ex, BotoCoreError):
                ex = ClientError({"Error": {"Code": "SdkClientException", "Message": str(ex)},
                                  "ResponseMetadata": {"HTTPStatusCode": 0, "RequestId": ""}}, "")
            elif isinstance(ex, ClientError) and ex.response["Error"]["Code"].isdigit():
                ex.response["Error"]["Code"] = generic
            return old(self, env, ex)

        owner._from_error = _from_error


def mend_tokens(shim):
    old = shim.Front.run_task
    owed = []  # refusals that fell to a call which only repeats another one
    turns = collections.defaultdict(threading.Lock)  # by token: one call after the other

    def choose(front, token, rule):
        with front.tlock:
            if rule:
                owed.append(rule)
            return owed.pop(0) if owed and token not in front.tokens else None

    def run_task(self, env, body, rule):
        token = json.loads(body).get("clientToken")
        with self.tlock:
            turn = turns[token] if token else contextlib.nullcontext()
        with turn:
            answer = old(self, env, body, choose(self, token, rule))
            if answer[0] == 200 and not json.loads(answer[2])["tasks"]:
                with self.tlock:
                    self.tokens.pop(token, None)
        return answer

    shim.Front.run_task = run_task


def mend_history():
    def get_execution_history(self):
        history = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
        events = list(history["events"])
        if self._get_param("reverseOrder"):
            events.reverse()
        first = int(self._get_param("nextToken") or 0)
        end = first + int(self._get_param("maxResults") or HISTORY_PAGE)
        answer = {"events": events[first:end]}
        if end < len(events):
            answer["nextToken"] = str(end)
        return responses.ActionResult(answer)

    responses.StepFunctionResponse.get_execution_history = get_execution_history


def mend_deletion():
    def delete_table(_cls, resource_name, _definition, account_id, region_name):
        backend = ec2_backends[account_id][region_name]
        backend.get_route_table(resource_name)._associations.clear()
        backend.delete_route_table(resource_name)

    def delete_cluster(_cls, resource_name, _definition, account_id, region_name):
        ecs_backends[account_id][region_name].delete_cluster(resource_name)

    RouteTable.delete_from_cloudformation_json = classmethod(delete_table)
    Cluster.delete_from_cloudformation_json = classmethod(delete_cluster)


def main():
    loader = importlib.util.spec_from_file_location("aws_shim", sys.argv[1])
    shim = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(shim)
    del sys.argv[1]
    mend_run_task()
    mend_tokens(shim)
    mend_history()
    mend_deletion()
    patch_moto = shim.patch_moto

    def patch_all(whole):
        patch_moto(whole)
        mend_error_names()

    shim.patch_moto = patch_all
    shim.main()


main()
