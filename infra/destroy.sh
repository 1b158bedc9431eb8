#!/bin/bash
# Takes down what deploy.sh made. --help tells the rest.
set -euo pipefail
shopt -s inherit_errexit
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=/dev/null
. "$home/infra/common.sh"

usage() {
    cat <<'END'
Usage: infra/destroy.sh [options]          (or: make destroy DESTROY='options')

Stops what runs, then deletes the stacks of STACK_PREFIX in the reverse order of deploy.sh. Audit tables and buckets
with input and copies are kept, and the last lines say how to remove them, unless --data is given.

Options
  --pattern 1|2|all   one pattern's stacks only, or everything                     PATTERN, default all
  --data              also delete audit tables, buckets and all that is in them
  --yes               ask nothing
  --dry-run           print what would be changed, change nothing
  --help

Environment: STACK_PREFIX, OUTPUTS_FILE, SPECS_DIR and AWS_... as for deploy.sh.

Nothing is touched that is not a resource of these stacks, but for the artifact bucket: it is a parameter of the stacks,
and deleted only if deploy.sh's tag is on it. A stack that is not there is no error. Without a terminal and without --yes
nothing is done. Ends with 0 when all is gone, 1 when a check or a step failed, 2 when it was called wrongly.
END
}

read_options() {
    pattern=${PATTERN:-all} prefix=${STACK_PREFIX:-stepfleet} dry_run=no data=no yes=no
    outputs=${OUTPUTS_FILE:-$home/outputs.json} specs=${SPECS_DIR:-$home/specs/rendered}
    while [ $# -gt 0 ]; do
        case $1 in
        --pattern)
            [ $# -gt 1 ] || misused "--pattern needs a value"
            pattern=$2
            shift
            ;;
        --pattern=*) pattern=${1#*=} ;;
        --data) data=yes ;;
        --yes) yes=yes ;;
        --dry-run) dry_run=yes ;;
        --help | -h) usage && exit 0 ;;
        *) misused "unknown argument '$1'" ;;
        esac
        shift
    done
    case $pattern in
    1 | 2) patterns=("$pattern") names=("$prefix-pattern-$pattern" "$prefix-batch-$pattern") ;;
    all)
        patterns=(2 1)
        names=("$prefix-control-plane" "$prefix"-{pattern,batch}-2 "$prefix"-{pattern,batch}-1 "$prefix-shared")
        ;;
    *) misused "PATTERN is '$pattern': use 1, 2 or all" ;;
    esac
    check_prefix
}

# --- what there is -----------------------------------------------------------------------------------------------

check_all() {
    local name status
    check_tools
    find_region
    find_caller
    say "account $account, region $region, as $caller"
    for name in "${names[@]}"; do
        look_at "$name"
        status=$(told_of "$name" status)
        case $status in
        '') ;;
        REVIEW_IN_PROGRESS) stacks+=("$name") ;;
        *_IN_PROGRESS) check_stack "$name" ;;
        *) stacks+=("$name") ;;
        esac
    done
}

# Collected while the stacks are there: afterwards nobody can say what was theirs.
collect() {
    local name type physical told
    for name in "${stacks[@]}"; do
        say "stack $name"
        told=$(resources "$name")
        while IFS=$'\t' read -r type physical; do
            case $type in
            AWS::StepFunctions::StateMachine) machines+=("$physical") ;;
            AWS::DynamoDB::Table) tables+=("$physical") ;;
            AWS::S3::Bucket) buckets+=("$physical") ;;
            AWS::ECR::Repository) repositories+=("$physical") ;;
            AWS::ECS::Cluster) clusters+=("$physical") ;;
            AWS::ECS::TaskDefinition) families+=("$physical") ;;
            esac
        done <<<"$told"
    done
    find_cluster
    [ "$pattern" != all ] || find_artifacts
    find_executions
}

# A pattern's tasks run in the shared stack's cluster, which is a parameter of the pattern's stacks.
find_cluster() {
    local name told
    [ "${#clusters[@]}" = 0 ] || return 0
    for name in "${stacks[@]}"; do
        told=$(parameter_of "$name" ClusterName)
        [ -z "$told" ] || { clusters=("$told") && return 0; }
    done
}

find_artifacts() {
    local name told
    for name in "${stacks[@]}"; do
        told=$(parameter_of "$name" ArtifactBucket)
        [ -n "$told" ] || continue
        if ask_aws s3api get-bucket-tagging --bucket "$told" --output text \
            --query "TagSet[?Key=='stepfleet'].Value" && [ "$answer" = "$prefix" ]; then
            artifacts=$told
        else
            say "bucket $told is left: it has no tag of deploy.sh"
        fi
        return 0
    done
}

parameter_of() { # stack, parameter
    told_of "$1" parameters | sed -n "s/^$2\t//p"
}

find_executions() {
    local arn
    for arn in "${machines[@]}"; do
        ask_aws stepfunctions list-executions --state-machine-arn "$arn" --status-filter RUNNING --output text \
            --query 'executions[].[executionArn]' || explain "stepfunctions list-executions"
        [ -z "$answer" ] || mapfile -t -O "${#executions[@]}" executions <<<"$answer"
    done
    [ "${#executions[@]}" = 0 ] || say "${#executions[@]} executions are running and will be stopped"
}

# --- consent -----------------------------------------------------------------------------------------------------

consent() {
    if [ "$data" = yes ] && [ "${#tables[@]}" != 0 ]; then
        say "DATA to be deleted: tables ${tables[*]}"
    fi
    if [ "$data" = yes ] && [ "${#buckets[@]}" != 0 ]; then
        say "DATA to be deleted: buckets ${buckets[*]}"
    fi
    [ "$yes" = no ] && [ "$dry_run" = no ] || return 0
    [ -t 0 ] || fail "nobody can be asked, stdin is no terminal; nothing was changed: say --yes to do it"
    ask "Stop what runs and delete these stacks?"
    [ "$data" = no ] || ask "Delete the data named above for ever?"
}

ask() {
    local reply
    read -r -p "   $1 [y/N] " reply
    [[ $reply =~ ^[yY]([eE][sS])?$ ]] || fail "stopped as you wished; nothing was changed"
}

# --- steps -------------------------------------------------------------------------------------------------------

stop_all() {
    local arn cluster family task
    for arn in "${executions[@]}"; do
        change cloud stepfunctions stop-execution --execution-arn "$arn" --cause "destroy.sh takes the deployment down"
    done
    for cluster in "${clusters[@]}"; do
        for family in "${families[@]}"; do
            family=${family##*/}
            ask_aws ecs list-tasks --cluster "$cluster" --family "${family%:*}" --desired-status RUNNING \
                --output text --query 'taskArns[].[@]' || continue # a cluster that is gone runs nothing
            for task in $answer; do
                change cloud ecs stop-task --cluster "$cluster" --task "$task" \
                    --reason "destroy.sh takes the deployment down"
            done
        done
    done
}

# empty_bucket NAME: every version and delete marker of every object.
empty_bucket() {
    local count=0
    while :; do
        ask_aws s3api list-object-versions --bucket "$1" --max-items 1000 --output json || {
            [[ $problem != *NoSuchBucket* ]] || return 0
            explain "s3api list-object-versions for $1"
        }
        "$home/infra/render.py" versions <<<"$answer" >"$work/versions.json"
        [ -s "$work/versions.json" ] || break
        change cloud s3api delete-objects --bucket "$1" --delete "file://$work/versions.json"
        [ "$dry_run" = no ] || break
        count=$((count + 1))
        [ "$((count % 20))" != 0 ] || say "$1: $((count * 1000)) objects deleted"
    done
}

empty_all() {
    local name
    if [ "$data" = yes ]; then
        for name in "${buckets[@]}"; do
            say "bucket $name"
            empty_bucket "$name"
        done
    fi
    for name in "${repositories[@]}"; do
        say "images in $name"
        empty_repository "$name"
    done
}

empty_repository() {
    local i ids
    ask_aws ecr list-images --repository-name "$1" --output text --query 'imageIds[].[imageDigest]' || return 0
    mapfile -t ids < <(sort -u <<<"$answer" | sed '/^$/d; s/^/imageDigest=/')
    for ((i = 0; i < ${#ids[@]}; i += 100)); do
        change cloud ecr batch-delete-image --repository-name "$1" --image-ids "${ids[@]:i:100}"
    done
}

delete_stack() {
    local since reason
    since=$(date -u +%Y-%m-%dT%H:%M:%S)
    if ! { change cloud cloudformation delete-stack --stack-name "$1" &&
        change cloud cloudformation wait stack-delete-complete --stack-name "$1"; } 2>"$work/problem"; then
        reason=$(tr '\n' ' ' <"$work/problem")
        look_at "$1"
        if [ ! -s "$work/$1.json" ]; then
            say "gone, though AWS said: $reason"
            return
        fi
        print_reasons "$1" "$since"
        fail "stack $1 was not deleted ($reason): mend the cause above, then run destroy.sh again"
    fi
}

# What the templates retain is deleted here, by the names that the stacks told.
delete_data() {
    local name
    for name in "${tables[@]}"; do
        say "table $name"
        delete_one ResourceNotFound dynamodb delete-table --table-name "$name"
    done
    for name in "${buckets[@]}"; do
        say "bucket $name"
        empty_bucket "$name" # a task may have written until its end
        delete_one NoSuchBucket s3api delete-bucket --bucket "$name"
    done
}

delete_artifacts() {
    empty_bucket "$artifacts"
    delete_one NoSuchBucket s3api delete-bucket --bucket "$artifacts"
}

delete_one() { # the error that says it is gone, command...
    local gone=$1
    shift
    change cloud "$@" 2>"$work/problem" || {
        problem=$(tr '\n' ' ' <"$work/problem")
        [[ $problem == *"$gone"* ]] || explain "$1 $2 for ${*: -1}"
    }
}

forget() {
    local n
    for n in "${patterns[@]}"; do
        change "$home/infra/render.py" forget "$outputs" "$prefix-pattern-$n"
        change rm -f "$specs/pattern-$n.json"
    done
}

say_left() {
    local name
    if [ "$data" = yes ] || [ "$((${#tables[@]} + ${#buckets[@]}))" = 0 ]; then
        printf '\nDestroyed; nothing of it is left.\n'
        return
    fi
    printf '\nDestroyed. Kept are the audit tables and the buckets; this removes them for ever:\n'
    for name in "${tables[@]}"; do
        printf '  aws dynamodb delete-table --region %s --table-name %s\n' "$region" "$name"
    done
    for name in "${buckets[@]}"; do
        printf '  aws s3 rb --region %s --force s3://%s\n' "$region" "$name"
    done
}

stacks=() executions=() machines=() tables=() buckets=() repositories=() clusters=() families=() artifacts=''
region='' account='' caller='' work='' answer='' problem=''
read_options "$@"
make_work_folder
step "checks" check_all
if [ "${#stacks[@]}" = 0 ]; then
    say "no stack of $prefix is in $region: nothing to do"
    exit 0
fi
step "what there is" collect
consent
step "executions and tasks" stop_all
step "contents" empty_all
for each in "${stacks[@]}"; do
    step "stack $each" delete_stack "$each"
done
[ "$data" = no ] || step "tables and buckets" delete_data
[ -z "$artifacts" ] || step "artifact bucket $artifacts" delete_artifacts
step "outputs and specs" forget
if [ "$dry_run" = yes ]; then
    printf '\nDry run: nothing was changed.\n'
else
    say_left
fi
