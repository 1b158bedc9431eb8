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

Nothing is touched that is not a resource of these stacks, but for the artifact bucket, which is no resource of theirs.
A table or bucket is deleted only if it carries the tag of its stack, the artifact bucket only with deploy.sh's. A stack that is not there is no error. Without a terminal and without --yes
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
    [ "$pattern" != all ] || find_artifacts
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
            AWS::DynamoDB::Table) ! is_own_table "$name" "$physical" || tables+=("$physical") ;;
            AWS::S3::Bucket) ! is_own_bucket "$name" "$physical" || buckets+=("$physical") ;;
            AWS::ECR::Repository) repositories+=("$physical") ;;
            AWS::ECS::Cluster) clusters+=("$physical") ;;
            AWS::ECS::TaskDefinition) families+=("$physical") ;;
            esac
        done <<<"$told"
    done
    own_clusters=("${clusters[@]}")
    find_cluster
    find_executions
}

# is_own_table STACK TABLE, is_own_bucket STACK BUCKET: whether the stack made it; notes whose it is. What exists and has
# no tag of the stack is never deleted.
is_own_table() {
    ask_aws dynamodb list-tags-of-resource --output text --query "Tags[].[Key, Value]" --resource-arn \
        "arn:$(cut -d: -f2 <<<"$caller"):dynamodb:$region:$account:table/$2" || {
        [[ $problem != *ResourceNotFound* ]] || return 1
        explain "dynamodb list-tags-of-resource for $2"
    }
    has_tag_of "$1" "table $2" && owner[$2]=$1
}

is_own_bucket() {
    ask_aws s3api get-bucket-tagging --bucket "$2" --output text --query "TagSet[].[Key, Value]" || {
        [[ $problem != *NoSuchBucket* ]] || return 1
        [[ $problem == *NoSuchTagSet* ]] || explain "s3api get-bucket-tagging for $2"
    }
    has_tag_of "$1" "bucket $2" && owner[$2]=$1
}

# The template sets the one, CloudFormation the other.
has_tag_of() { # stack, what
    if grep -qxE "(stepfleet-stack|aws:cloudformation:stack-name)[[:space:]]+$1" <<<"$answer"; then return 0; fi
    say "$2 is left: it has no tag of stack $1"
    return 1
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

# The stacks tell its name; where none is left it is what deploy.sh calls it.
find_artifacts() {
    local name told=''
    for name in "${stacks[@]}"; do
        told=$(parameter_of "$name" ArtifactBucket)
        [ -z "$told" ] || break
    done
    [ -n "$told" ] || told=$prefix-artifacts-$account-$region
    if ask_aws s3api get-bucket-tagging --bucket "$told" --expected-bucket-owner "$account" --output text \
        --query "TagSet[?Key=='stepfleet'].Value" && [ "$answer" = "$prefix" ]; then
        artifacts=$told
        say "artifact bucket $told will be deleted"
    elif [[ $problem != *NoSuchBucket* ]]; then
        say "bucket $told is left: it has no tag of deploy.sh"
    fi
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
    ask "Stop what runs and delete the stacks and buckets named above?"
    [ "$data" = no ] || ask "Delete the data named above for ever?"
}

ask() {
    local reply
    read -r -p "   $1 [y/N] " reply
    [[ $reply =~ ^[yY]([eE][sS])?$ ]] || fail "stopped as you wished; nothing was changed"
}

# --- steps -------------------------------------------------------------------------------------------------------

stop_all() {
    local arn cluster family
    for arn in "${executions[@]}"; do
        unless_gone ExecutionDoesNotExist stepfunctions stop-execution \
            --cause "destroy.sh takes the deployment down" --execution-arn "$arn"
    done
    stop_own_clusters
    [ "${#own_clusters[@]}" = 0 ] || return 0
    for cluster in "${clusters[@]}"; do
        for family in "${families[@]}"; do
            family=${family##*/}
            stop_tasks "$cluster" --family "${family%:*}"
        done
    done
}

# A cluster that is deleted too runs nothing but ours, also of stacks that an earlier run deleted.
stop_own_clusters() {
    local cluster
    for cluster in "${own_clusters[@]}"; do
        stop_tasks "$cluster"
    done
}

stop_tasks() { # cluster, further options of list-tasks
    local task
    ask_aws ecs list-tasks --cluster "$1" "${@:2}" --desired-status RUNNING \
        --output text --query 'taskArns[].[@]' || return 0 # a cluster that is gone runs nothing
    for task in $answer; do
        unless_gone InvalidParameter ecs stop-task --cluster "$1" \
            --reason "destroy.sh takes the deployment down" --task "$task"
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
        delete_objects "$1"
        [ "$dry_run" = no ] || break
        count=$((count + 1))
        [ "$((count % 20))" != 0 ] || say "$1: $((count * 1000)) objects deleted"
    done
}

# AWS answers well also where it deleted nothing: each object has an answer of its own.
delete_objects() { # bucket
    local call=(s3api delete-objects --bucket "$1" --delete "file://$work/versions.json")
    if [ "$dry_run" = yes ]; then
        change cloud "${call[@]}"
        return
    fi
    ask_aws "${call[@]}" --query 'Errors[0].[Code, Key, Message]' --output text || explain "s3api delete-objects for $1"
    case $answer in
    '' | None) ;;
    *) fail "cannot empty $1: ${answer//$'\t'/ }: mend what keeps that object (rights, a bucket policy, an object lock)," \
        "then run destroy.sh again" ;;
    esac
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
            note_kept "$1"
            return
        fi
        print_reasons "$1" "$since"
        fail "stack $1 was not deleted ($reason): mend the cause above, then run destroy.sh again"
    fi
    note_kept "$1"
}

# From now on no stack tells these names.
note_kept() { # stack
    local name
    [ "$dry_run" = no ] || return 0
    for name in "${tables[@]}" "${buckets[@]}"; do
        [ "${owner[$name]}" != "$1" ] || kept[$name]=yes
    done
}

# What a stack's template retains goes right after the stack, since a later run would not find it any more.
delete_data() { # stack
    local name
    for name in "${tables[@]}"; do
        [ "${owner[$name]}" = "$1" ] || continue
        say "table $name"
        unless_gone ResourceNotFound dynamodb delete-table --table-name "$name"
        unset "kept[$name]"
    done
    for name in "${buckets[@]}"; do
        [ "${owner[$name]}" = "$1" ] || continue
        say "bucket $name"
        empty_bucket "$name" # a task may have written until its end
        unless_gone NoSuchBucket s3api delete-bucket --bucket "$name"
        unset "kept[$name]"
    done
}

delete_artifacts() {
    empty_bucket "$artifacts"
    unless_gone NoSuchBucket s3api delete-bucket --bucket "$artifacts"
}

unless_gone() { # the error that says it is gone, command...
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
        change "$home/infra/render.py" forget "$outputs" "$prefix-pattern-$n" "$specs/pattern-$n.json"
    done
}

say_end() {
    if [ "${#kept[@]}" = 0 ]; then
        printf '\nDestroyed; nothing of it is left.\n'
    else
        printf '\nDestroyed. '
        say_kept
    fi
}

say_kept() {
    local name
    printf 'Kept are the audit tables and the buckets; this removes them for ever:\n'
    for name in "${tables[@]}"; do
        [ -z "${kept[$name]:-}" ] || printf '  aws dynamodb delete-table --region %s --table-name %s\n' "$region" "$name"
    done
    for name in "${buckets[@]}"; do
        [ -z "${kept[$name]:-}" ] || printf '  aws s3 rb --region %s --force s3://%s\n' "$region" "$name"
    done
}

# Also a run that fails or is interrupted tells what is left of the stacks that it deleted.
end() {
    local code=$?
    rm -rf "$work"
    [ "$code" = 0 ] || [ "${#kept[@]}" = 0 ] || say_kept >&2
}

declare -A owner=() kept=() # of tables and buckets: their stack; those whose stack is gone
stacks=() executions=() machines=() tables=() buckets=() repositories=() families=() artifacts=''
clusters=() own_clusters=()
region='' account='' caller='' work='' answer='' problem=''
read_options "$@"
make_work_folder
trap end EXIT
step "checks" check_all
if [ "${#stacks[@]}" = 0 ] && [ -z "$artifacts" ]; then
    say "no stack of $prefix is in $region: nothing to do (what an earlier run kept: by the commands that it printed)"
    exit 0
fi
step "what there is" collect
consent
step "executions and tasks" stop_all
step "contents" empty_all
for each in "${stacks[@]}"; do
    [ "$each" != "$prefix-shared" ] || step "tasks that were started meanwhile" stop_own_clusters
    step "stack $each" delete_stack "$each"
    [ "$data" = no ] || [[ " ${owner[*]} " != *" $each "* ]] || step "tables and buckets of $each" delete_data "$each"
done
[ -z "$artifacts" ] || step "artifact bucket $artifacts" delete_artifacts
step "outputs and specs" forget
if [ "$dry_run" = yes ]; then
    printf '\nDry run: nothing was changed.\n'
else
    say_end
fi
