#!/usr/bin/env python3
"""The JSON that deploy.sh and destroy.sh need read or written. Only the standard library.

    render.py zip FILE                        architecture and digest of a function's zip
    render.py stack TOLD status|outputs|parameters
                                          of what describe-stacks told (an empty file: there is none)
    render.py parameters TEMPLATE TOLD TO NAME=VALUE...
                                          of what the template declares: what is given, else what the stack had;
                                          prints a digest of the template and of what is given, or "unchanged"
    render.py declared TEMPLATE...            names of the templates' parameters, one a line
    render.py outputs FILE STACK TOLD         puts a stack's outputs into outputs.json
    render.py value FILE STACK NAME           an output of a stack in outputs.json, if it is there
    render.py forget FILE STACK SPEC          takes a stack out of outputs.json, and removes the spec rendered from it
    render.py spec EXAMPLE FILE STACK TO      an example spec with a stack's values
    render.py service FILE STACK STACK        parameters of the control plane's template, one a line
    render.py versions <VERSIONS              list-object-versions turned into input of delete-objects
"""
import hashlib
import json
import os
import pathlib
import re
import sys
import tempfile
import zipfile

MACHINES = {62: "x86_64", 183: "arm64"}  # e_machine of ELF
CONTENT_TAG = "stepfleet-content"  # on a stack: what it was made from

# What the control plane's role may touch, by outputs of a pattern.
SERVICE = {"StateMachineArn": "stateMachineArn", "SummaryTable": "ddbTableNameWFSummary",
           "DetailsTable": "ddbTableNameWFDetails", "Bucket": "s3BucketName"}
# The template's defaults: a pattern that is not there any more must not keep the values it had.
ABSENT = {"stateMachineArn": "", "ddbTableNameWFSummary": "none", "ddbTableNameWFDetails": "none",
          "s3BucketName": "none"}


class Wrong(Exception):
    """What is wrong and the remedy, in a sentence."""


def read_json(path):
    try:
        value = json.loads(pathlib.Path(path).read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise Wrong(f"{path} cannot be read as JSON ({problem}): mend or remove it") from problem
    if not isinstance(value, dict):
        raise Wrong(f"{path} holds no JSON object: mend or remove it")
    return value


def write_json(path, value):
    """Whole or not at all."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps(value, indent=2) + "\n")
    os.chmod(name, 0o644)
    os.replace(name, path)


def describe_zip(path):
    """Its digest says nothing of when it was packed, so that the same program is no change."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = sorted((entry.filename, entry.external_attr >> 16, archive.read(entry))
                             for entry in archive.infolist())
    except (OSError, zipfile.BadZipFile) as problem:
        raise Wrong(f"{path} is no zip file ({problem}): make it anew with 'make dist'") from problem
    found = [(mode, data) for name, mode, data in entries if name == "bootstrap"]
    if not found or not found[0][0] & 0o111:
        raise Wrong(f"{path} holds no executable file 'bootstrap': make it anew with 'make dist'")
    program = found[0][1]
    machine = int.from_bytes(program[18:20], "little") if program[:4] == b"\x7fELF" else 0
    if machine not in MACHINES:
        raise Wrong(f"'bootstrap' in {path} is no program for x86_64 or arm64: make it anew with 'make dist'")
    digest = hashlib.sha256(repr([(n, m, hashlib.sha256(d).digest()) for n, m, d in entries]).encode())
    print(MACHINES[machine], digest.hexdigest()[:32])


def declared_parameters(text):
    """Names of a template's parameters. Our templates are block-style YAML, which asks for no parser."""
    section = re.search(r"^Parameters:\n((?:(?:[ #].*)?\n)*)", text, re.M)
    return re.findall(r"^  (\w+):", section.group(1), re.M) if section else []


def print_declared(*templates):
    for template in templates:
        print("\n".join(declared_parameters(pathlib.Path(template).read_text())))


def pairs(told, kind):
    """Outputs, Parameters or Tags of a stack as a dict."""
    prefix = {"Outputs": "Output", "Parameters": "Parameter", "Tags": ""}[kind]
    return {item[f"{prefix}Key"]: item[f"{prefix}Value" if prefix else "Value"]
            for item in told.get(kind) or []}


def print_stack(told, what):
    text = pathlib.Path(told).read_text()
    told = json.loads(text) if text else {}
    if what == "status":
        print(told.get("StackStatus", ""))
    for name, value in pairs(told, what.capitalize()).items() if what != "status" else ():
        print(f"{name}\t{value}")


def write_parameters(template, told, to, *given):
    text = pathlib.Path(template).read_text()
    told = read_json(told) if os.path.getsize(told) else {}
    declared = declared_parameters(text)
    given = {name: value for name, value in (item.split("=", 1) for item in given) if name in declared}
    values = {name: value for name, value in pairs(told, "Parameters").items() if name in declared}
    values.update(given)
    pathlib.Path(to).write_text(json.dumps(
        [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]))
    digest = hashlib.sha256((text + json.dumps(given, sort_keys=True)).encode()).hexdigest()
    same = pairs(told, "Tags").get(CONTENT_TAG) == digest
    well = told.get("StackStatus") in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    print("unchanged" if same and well else digest)


def merge_outputs(path, stack, told):
    value = read_json(path)
    value[stack] = pairs(read_json(told), "Outputs")
    write_json(path, value)


def print_value(path, stack, name):
    print(read_json(path).get(stack, {}).get(name, ""))


def forget_stack(path, stack, spec):
    value = read_json(path)
    outputs = value.pop(stack, None)
    if outputs is None:
        return
    if value:
        write_json(path, value)
    else:
        os.unlink(path)
    # Another deployment's spec may have been rendered there since.
    if read_json(spec).get("s3BucketName", "") == outputs.get("s3BucketName"):
        os.unlink(spec)


def render_spec(example, path, stack, to):
    outputs = read_json(path).get(stack)
    if not outputs:
        raise Wrong(f"{path} holds no outputs of {stack}: run deploy.sh for it")
    value = read_json(example)
    for name in value:
        if name in outputs:
            value[name] = outputs[name]
    for task in value["taskList"]:
        if "s3BucketName" in task:
            task["s3BucketName"] = outputs["s3BucketName"]
    write_json(to, value)


def print_service(path, *stacks):
    value = read_json(path)
    known = {stack: value[stack] for stack in stacks if stack in value}
    print("Outputs=" + json.dumps(known, separators=(",", ":")))
    for stack in stacks:
        number = stack[-1]
        outputs = known.get(stack, ABSENT)
        for parameter, name in SERVICE.items():
            print(f"{parameter}{number}={outputs[name]}")


def print_versions():
    """Prints nothing when there is nothing left to delete."""
    text = sys.stdin.read()
    told = (json.loads(text) if text.strip() else None) or {}
    items = [{name: item[name] for name in ("Key", "VersionId") if item.get(name)}
             for kind in ("Versions", "DeleteMarkers") for item in told.get(kind) or []]
    if items:
        print(json.dumps({"Objects": items[:1000], "Quiet": True}))


COMMANDS = {"zip": (describe_zip, 1), "outputs": (merge_outputs, 3), "stack": (print_stack, 2),
            "value": (print_value, 3), "forget": (forget_stack, 3), "spec": (render_spec, 4),
            "service": (print_service, 3),
            "declared": (print_declared, None), "parameters": (write_parameters, None), "versions": (print_versions, 0)}


def main():
    command, count = COMMANDS.get(sys.argv[1] if len(sys.argv) > 1 else "", (None, 0))
    if not command or count not in (None, len(sys.argv) - 2):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        command(*sys.argv[2:])
    except Wrong as problem:
        print(f"deploy: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
