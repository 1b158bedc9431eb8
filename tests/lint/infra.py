#!/usr/bin/python3
"""Checks templates and state machines in infra/ for what cfn-lint does not see, then runs cfn-lint if it is there.

Prints file: what is wrong, one a line; ends with 1 if there was anything."""
import fnmatch
import glob
import json
import os
import re
import shutil
import subprocess
import sys

import yaml

FIRST = ["shared.yaml", "batch.yaml", "pattern-1.yaml", "pattern-2.yaml", "control-plane.yaml"]
KEYS = {
    "SummaryTable": [("workflow_name", "S", "HASH"), ("workflow_run_id", "N", "RANGE")],
    "DetailsTable": [("workflow_run_id", "N", "HASH"), ("ecs_task_id", "S", "RANGE")],
}
OUTPUTS = set("""region clusterName containerName taskDefinition securityGroupId subnetIdLiteral separator
    ddbTableNameWFSummary hashKeyWFSummary rangeKeyWFSummary ddbTableNameWFDetails hashKeyWFDetails rangeKeyWFDetails
    s3BucketName workflowName stateMachineArn taskLogGroup""".split())
# What deploy.sh gives beside the outputs of other stacks.
GIVEN = {"ImageUri", "ArtifactBucket", "LauncherKey", "MonitorKey", "DefinitionKey", "Outputs"}
# Properties that name a thing for good, so that a second stack could not have it.
NAMES = {"TableName", "BucketName", "RoleName", "FunctionName", "ClusterName", "RepositoryName", "StateMachineName",
         "LogGroupName", "Family", "ServiceName", "GroupName"}
ENDS = {"Succeed", "Fail"}

found = []


def say(where, what):
    found.append(f"{where}: {what}")


# --- reading -----------------------------------------------------------------------------------------------------

class Loader(yaml.SafeLoader):
    """Reads !Ref x as {"Ref": x}, !Sub x as {"Fn::Sub": x} and so on; refuses a key given twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"'{key}' is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else "Fn::" + suffix: value}


Loader.add_multi_constructor("!", short_form)


def no_twins(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is there twice among " + ", ".join(key for key, _ in pairs))
    return value


def read_asl(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file, object_pairs_hook=no_twins)


def walk(value):
    """Every dictionary within, outermost first."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from walk(each)


def listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]


# --- permissions -------------------------------------------------------------------------------------------------

def is_statement(value):
    return value.get("Effect") in ("Allow", "Deny") and ("Action" in value or "NotAction" in value)


def may_pass_roles(statement):
    return any(isinstance(action, str) and fnmatch.fnmatch("iam:passrole", action.lower())
               for action in listed(statement.get("Action")))


def check_statement(where, statement):
    if statement["Effect"] != "Allow":
        return
    where = f"{where}: statement {statement.get('Sid', statement.get('Action'))}"
    if "NotAction" in statement or "NotResource" in statement:
        say(where, "allows everything but something: name what is allowed")
    for action in listed(statement.get("Action")):
        if "*" in action:
            say(where, f"{action}: name the actions")
    if not may_pass_roles(statement):
        return
    for resource in listed(statement.get("Resource")) or ["*"]:
        if "*" in json.dumps(resource):
            say(where, f"passes any role that fits {json.dumps(resource)}: name the roles")
    service = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
    if not isinstance(service, str) or "*" in service:
        say(where, "passes roles to any service: add a condition on iam:PassedToService")


def check_any_resource(path, text, tree):
    """Resource "*" is good only with its reason in a comment on the line before."""
    lines = text.splitlines()
    starred = [i for i, line in enumerate(lines) if re.match(r"""\s*-?\s*Resource:\s*(['"]?)\*\1\s*$""", line)]
    for i in starred:
        if not lines[i - 1].lstrip().startswith("#"):
            say(f"{path}:{i + 1}", 'Resource "*" without a reason in a comment on the line before')
    meant = sum("*" in listed(each.get("Resource")) for each in walk(tree) if is_statement(each))
    if meant != len(starred):
        say(path, f"{meant} statements are for any resource, {len(starred)} lines say so: write Resource: '*'")


# --- resources ---------------------------------------------------------------------------------------------------

def is_kept(resource):
    return resource.get("DeletionPolicy") == "Retain" and resource.get("UpdateReplacePolicy") == "Retain"


def check_table(where, name, resource, _):
    own = resource["Properties"]
    types = {each["AttributeName"]: each["AttributeType"] for each in own.get("AttributeDefinitions", [])}
    keys = [(each["AttributeName"], types.get(each["AttributeName"]), each["KeyType"])
            for each in own.get("KeySchema", [])]
    if keys != KEYS.get(name):
        say(where, f"keys are {keys}, the design has {KEYS.get(name)}")
    if not is_kept(resource):
        say(where, "does not outlive its stack: set DeletionPolicy and UpdateReplacePolicy to Retain")
    if own.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is not True:
        say(where, "has no point-in-time recovery")
    if own.get("StreamSpecification", {}).get("StreamViewType") != "NEW_IMAGE":
        say(where, "has no stream of new images")
    for needed in ("BillingMode", "ProvisionedThroughput", "TimeToLiveSpecification"):
        if needed not in own:
            say(where, f"lacks {needed}")


def demands_tls(resources, bucket):
    for each in resources.values():
        if each["Type"] == "AWS::S3::BucketPolicy" and each["Properties"]["Bucket"] == {"Ref": bucket}:
            for statement in each["Properties"]["PolicyDocument"]["Statement"]:
                insecure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
                if statement["Effect"] == "Deny" and statement["Principal"] == "*" and insecure in ("false", False):
                    return True
    return False


def check_bucket(where, name, resource, resources):
    own = resource["Properties"]
    block = own.get("PublicAccessBlockConfiguration", {})
    if len(block) != 4 or not all(value is True for value in block.values()):
        say(where, "may be made public: block all four ways")
    if "BucketEncryption" not in own:
        say(where, "has no encryption")
    if not is_kept(resource):
        say(where, "does not outlive its stack: set DeletionPolicy and UpdateReplacePolicy to Retain")
    if not demands_tls(resources, name):
        say(where, "has no policy that refuses plain HTTP")


def check_log_group(where, _name, resource, _):
    if "RetentionInDays" not in resource["Properties"]:
        say(where, "keeps logs for ever")


def check_function(where, _name, resource, resources):
    own = resource["Properties"]
    group = own.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref")
    if resources.get(group, {}).get("Type") != "AWS::Logs::LogGroup":
        say(where, "has no log group of this template, so its retention is not ours")
    if own.get("Runtime") != "provided.al2023" or own.get("Timeout") != 900 or "VpcConfig" not in own:
        say(where, "must be provided.al2023, have 900 s and be in the VPC")


def check_task(where, _name, resource, _):
    own = resource["Properties"]
    for needed in ("TaskRoleArn", "ExecutionRoleArn", "RuntimePlatform"):
        if needed not in own:
            say(where, f"lacks {needed}")
    for container in own["ContainerDefinitions"]:
        for needed in ("LogConfiguration", "StopTimeout", "ReadonlyRootFilesystem"):
            if not container.get(needed):
                say(where, f"container {container['Name']} lacks {needed}")


def check_group(where, _name, resource, _):
    own = resource["Properties"]
    for rule in own.get("SecurityGroupIngress", []) if resource["Type"].endswith("Group") else [own]:
        if rule.get("CidrIp") == "0.0.0.0/0" or "CidrIpv6" in rule:
            say(where, "lets anybody in")


def check_state_machine(where, _name, resource, _):
    if not resource["Properties"].get("LoggingConfiguration", {}).get("Destinations"):
        say(where, "logs nowhere")


CHECKS = {
    "AWS::DynamoDB::Table": check_table,
    "AWS::S3::Bucket": check_bucket,
    "AWS::Logs::LogGroup": check_log_group,
    "AWS::Lambda::Function": check_function,
    "AWS::ECS::TaskDefinition": check_task,
    "AWS::EC2::SecurityGroup": check_group,
    "AWS::EC2::SecurityGroupIngress": check_group,
    "AWS::StepFunctions::StateMachine": check_state_machine,
}


def check_template(path, text, tree):
    resources = tree["Resources"]
    check_any_resource(path, text, tree)
    for name, resource in resources.items():
        where = f"{path}: {name}"
        if resource["Type"] in CHECKS:
            CHECKS[resource["Type"]](where, name, resource, resources)
        for statement in filter(is_statement, walk(resource)):
            check_statement(where, statement)
        if not resource["Type"].startswith("AWS::EC2::VPCEndpoint"):
            for key in NAMES & resource.get("Properties", {}).keys():
                if isinstance(resource["Properties"][key], str):
                    say(where, f"{key} is fixed: a second stack could not have it")


def check_contract(trees):
    """Every parameter without a default is an output of a template before, or given by deploy.sh."""
    told = set(GIVEN)
    for name in FIRST:
        for parameter, own in trees[name].get("Parameters", {}).items():
            if "Default" not in own and parameter not in told:
                say(f"infra/{name}", f"nobody gives parameter {parameter}")
        outputs = set(trees[name]["Outputs"])
        if name.startswith("pattern-"):
            if outputs != OUTPUTS:
                say(f"infra/{name}", f"outputs differ from the contract in {sorted(outputs ^ OUTPUTS)}")
        else:
            told |= outputs


# --- state machines ----------------------------------------------------------------------------------------------

def targets(state):
    """The states that may follow this one."""
    rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
    named = [rule["Next"] for rule in rules if "Next" in rule]
    return named + ([state["Default"]] if "Default" in state else [])


def check_state(where, state):
    kind = state.get("Type")
    ways = ("Next" in state) + (state.get("End") is True)
    if kind in ENDS or kind == "Choice":
        if ways:
            say(where, f"a {kind} state has neither Next nor End")
        if kind == "Choice" and "Default" not in state:
            say(where, "has no Default: a run that fits no choice would break")
    elif ways != 1:
        say(where, "needs either Next or End")
    for inner in [*state.get("Branches", []), state.get("ItemProcessor"), state.get("Iterator")]:
        if inner:
            check_states(where, inner)


def check_states(where, machine):
    states, start = machine["States"], machine["StartAt"]
    if start not in states:
        say(where, f"StartAt points to '{start}', which is not there")
    reached, to_see = set(), [start]
    while to_see:
        name = to_see.pop()
        if name in states and name not in reached:
            reached.add(name)
            to_see += targets(states[name])
    for name, state in states.items():
        for target in targets(state):
            if target not in states:
                say(f"{where}: {name}", f"points to '{target}', which is not there")
        if name not in reached:
            say(f"{where}: {name}", "is never reached")
        check_state(f"{where}: {name}", state)


def check_machine(path, machine, template_path, template):
    check_states(path, machine)
    wanted = set(re.findall(r"\$\{(\w+)\}", json.dumps(machine)))
    given = set()
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            given |= set(resource["Properties"].get("DefinitionSubstitutions", {}))
    for name in sorted(wanted - given):
        say(path, f"${{{name}}} gets no value in {template_path}")
    for name in sorted(given - wanted):
        say(template_path, f"substitution {name} is in none of {path}'s states")


# --- all of it ---------------------------------------------------------------------------------------------------

def check_all():
    trees = {}
    for path in sorted(glob.glob("infra/*.yaml")):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        trees[os.path.basename(path)] = tree = yaml.load(text, Loader)
        check_template(path, text, tree)
    if sorted(trees) != sorted(FIRST):
        say("infra", f"templates are {sorted(trees)}, this check knows {sorted(FIRST)}")
        return
    check_contract(trees)
    for path in sorted(glob.glob("infra/statemachines/*.asl.json")):
        name = os.path.basename(path).replace(".asl.json", ".yaml")
        check_machine(path, read_asl(path), f"infra/{name}", trees[name])


def run_cfn_lint():
    if not shutil.which("cfn-lint"):
        print("infra: cfn-lint is not there, so its checks are left out (pip install cfn-lint)")
        return 0
    return subprocess.run(["cfn-lint", "-c", "I", "--", *sorted(glob.glob("infra/*.yaml"))], check=False).returncode


def main():
    try:
        check_all()
    except (OSError, ValueError, yaml.YAMLError) as error:
        say("infra", str(error))
    for each in found:
        print(each)
    return 1 if run_cfn_lint() != 0 or found else 0


if __name__ == "__main__":
    sys.exit(main())
