#!/bin/bash
# Deploys Stepfleet's stacks into the account that the AWS environment names. --help tells the rest.
set -euo pipefail
shopt -s inherit_errexit
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=/dev/null
. "$home/infra/common.sh"

usage() {
    cat <<'END'
Usage: infra/deploy.sh [options]          (or: make deploy PATTERN=1|2|all DEPLOY='options')

Deploys network, cluster and image repository (stack PREFIX-shared) and one or both patterns (PREFIX-batch-N holds the
data, PREFIX-pattern-N the workflow), writes outputs.json and renders specs/rendered/pattern-N.json, ready to POST.
May be run again at any time: what has not changed is left as it is.

Options
  --pattern 1|2|all      what to deploy                                                  PATTERN, default all
  --control-plane        also deploy the server as a Fargate service
  --sample               upload a sample input object where there is none
  --parameter NAME=VALUE any further parameter of the templates; may be repeated
  --dry-run              print what would be changed, change nothing
  --help

Environment
  STACK_PREFIX           first part of all names, so that an account holds several          default stepfleet
  IMAGE                  the task image, pushed already: none is built, no Docker needed
  CONTROL_PLANE_IMAGE    the server's image, pushed already (only with --control-plane)
  ARCHITECTURE           x86_64 or arm64                              default: that of the programs in dist/
  BILLING_MODE           PROVISIONED or PAY_PER_REQUEST, of the audit tables
  NAT                    true adds a NAT gateway (costs by the hour; nothing here needs one)
  LOG_RETENTION_DAYS     how long logs are kept
  BASE                   the image that ours are built on                      default: as the Dockerfile says
  STEPFLEET_DIST         folder with task-launcher.zip and task-monitor.zip             default dist
  OUTPUTS_FILE           where the stacks' outputs go                                   default outputs.json
  SPECS_DIR              where the rendered specs go                                    default specs/rendered
  AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL ... as for the aws CLI

A parameter that is not given keeps the value it had the last time, at first the template's default.
Needs bash 4.4, the aws CLI and python3; Docker only to build an image. Asks no question.
Ends with 0 when all is deployed, 1 when a check or a step failed, 2 when it was called wrongly.
END
}

read_options() {
    pattern=${PATTERN:-all} prefix=${STACK_PREFIX:-stepfleet}
    control_plane=no sample=no dry_run=no
    dist=${STEPFLEET_DIST:-$home/dist} outputs=${OUTPUTS_FILE:-$home/outputs.json}
    specs=${SPECS_DIR:-$home/specs/rendered} extra=()
    while [ $# -gt 0 ]; do
        case $1 in
        --pattern | --parameter)
            [ $# -gt 1 ] || misused "$1 needs a value"
            if [ "$1" = --pattern ]; then pattern=$2; else extra+=("$2"); fi
            shift
            ;;
        --pattern=*) pattern=${1#*=} ;;
        --parameter=*) extra+=("${1#*=}") ;;
        --control-plane) control_plane=yes ;;
        --sample) sample=yes ;;
        --dry-run) dry_run=yes ;;
        --help | -h) usage && exit 0 ;;
        *) misused "unknown argument '$1'" ;;
        esac
        shift
    done
    check_options
}

check_options() {
    local item
    case $pattern in
    1 | 2) patterns=("$pattern") ;;
    all) patterns=(1 2) ;;
    *) misused "PATTERN is '$pattern': use 1, 2 or all" ;;
    esac
    for item in "${extra[@]}"; do
        [[ $item =~ ^[A-Za-z0-9]+= ]] || misused "--parameter '$item' is not NAME=VALUE"
    done
    case ${NAT:-} in
    yes | true | 1) extra+=(NatGateway=true) ;;
    no | false | 0) extra+=(NatGateway=false) ;;
    '') ;;
    *) misused "NAT is '$NAT': use true or false" ;;
    esac
    case ${ARCHITECTURE:-x86_64} in x86_64 | arm64) ;; *) misused "ARCHITECTURE is '$ARCHITECTURE': use x86_64 or arm64" ;; esac
    case ${BILLING_MODE:-PROVISIONED} in
    PROVISIONED | PAY_PER_REQUEST) ;;
    *) misused "BILLING_MODE is '$BILLING_MODE': use PROVISIONED or PAY_PER_REQUEST" ;;
    esac
    check_prefix
}

# --- checks: nothing is changed before all of them have passed ---------------------------------------------------

check_all() {
    local n
    check_tools
    check_parameters
    find_region
    check_artifacts
    find_caller
    say "account $account, region $region, as $caller"
    bucket=$prefix-artifacts-$account-$region
    check_former_region
    check_bucket
    check_stack "$prefix-shared"
    for n in "${patterns[@]}"; do
        check_stack "$prefix-batch-$n"
        check_stack "$prefix-pattern-$n"
    done
    [ "$control_plane" = no ] || check_stack "$prefix-control-plane"
    check_images
}

# A template gets only what it declares: a misspelt name would be dropped without a word.
check_parameters() {
    local item declared
    declared=$("$home/infra/render.py" declared "$home"/infra/*.yaml)
    for item in "${extra[@]}"; do
        grep -qxF -- "${item%%=*}" <<<"$declared" || misused "--parameter '$item': no template has such a parameter," \
            "infra/README.md lists them all"
    done
}

# A function's program: its key in the artifact bucket by what is in it, its architecture as of the others.
check_artifacts() {
    local name names=(task-monitor) told machine
    [ "${patterns[0]}" = 2 ] || names+=(task-launcher)
    architecture=${ARCHITECTURE:-}
    for name in "${names[@]}"; do
        [ -f "$dist/$name.zip" ] || fail "$dist/$name.zip is not there: make it with 'make dist', or say with" \
            "STEPFLEET_DIST where it is"
        told=$("$home/infra/render.py" zip "$dist/$name.zip") || exit 1
        machine=${told%% *}
        [ "${architecture:=$machine}" = "$machine" ] || fail "$dist/$name.zip is for $machine, not for" \
            "$architecture: run 'make dist' on such a machine, or set ARCHITECTURE=$machine"
        keys[$name]=functions/$name-${told##* }.zip
    done
}

# Another region by mistake would make everything a second time, and pay for it.
check_former_region() {
    local n former
    for n in "${patterns[@]}"; do
        former=$("$home/infra/render.py" value "$outputs" "$prefix-pattern-$n" region) || exit 1
        [ -z "$former" ] || [ "$former" = "$region" ] || fail "$prefix-pattern-$n is in $former as $outputs tells," \
            "but the region is $region: set AWS_REGION=$former, or choose another STACK_PREFIX or OUTPUTS_FILE"
    done
}

check_bucket() {
    bucket_exists=no bucket_complete=no
    if ask_aws s3api head-bucket --bucket "$bucket" --expected-bucket-owner "$account"; then
        bucket_exists=yes
        check_bucket_tag
        return
    fi
    case $problem in
    *404* | *NoSuchBucket* | *"Not Found"*) ;;
    *403* | *Forbidden* | *AccessDenied*)
        fail "bucket $bucket belongs to another account or is closed to $caller: choose another STACK_PREFIX"
        ;;
    *) explain "s3api head-bucket for $bucket" ;;
    esac
}

# The tag comes last: where there is none, a run was interrupted and the bucket may be open or not encrypted.
check_bucket_tag() {
    if ! ask_aws s3api get-bucket-tagging --bucket "$bucket" --output text --query "TagSet[?Key=='stepfleet'].Value"; then
        [[ $problem == *NoSuchTagSet* ]] || explain "s3api get-bucket-tagging for $bucket"
    fi
    case $answer in
    "$prefix") bucket_complete=yes ;;
    '' | None) ;;
    *) fail "bucket $bucket belongs to the deployment '$answer', as its tag stepfleet tells: choose another STACK_PREFIX" ;;
    esac
}

# What an image is made of names it, so that the same sources are neither built nor pushed again.
source_tag() { # target
    local parts=(Dockerfile Makefile infra/artifacts lib workers tests/support/deps.sh)
    (
        cd "$home"
        [ "$1" = s3-copy-task ] || parts+=(server migrations static specs/*.json infra/statemachines)
        {
            find "${parts[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
            printf '%s\n' "${BASE:-}"
        } | sha256sum | cut -c1-20
    ) | sed "s/^/$1-/; s/\$/-$architecture/"
}

check_images() {
    need_docker=no
    task_image=${IMAGE:-} server_image=${CONTROL_PLANE_IMAGE:-}
    read_outputs "$prefix-shared" shared
    [ -n "$task_image" ] || find_image task_image s3-copy-task
    [ "$control_plane" = no ] || [ -n "$server_image" ] || find_image server_image stepfleet
    [ "$need_docker" = yes ] || return 0
    command -v docker >/dev/null || fail "an image must be built and Docker is not there: install it, or set" \
        "IMAGE to an image that is pushed already"
    docker version --format '{{.Server.Version}}' >/dev/null 2>"$work/problem" || fail "an image must be built and the" \
        "Docker daemon does not answer ($(head -c 200 "$work/problem" | tr '\n' ' ')): start it, or set IMAGE to an" \
        "image that is pushed already"
}

# Sets the variable to the image's address if the repository has it; else Docker is needed.
find_image() { # variable, target
    local tag
    tag=$(source_tag "$2")
    if [ -n "${shared[RepositoryName]:-}" ] && ask_aws ecr describe-images \
        --repository-name "${shared[RepositoryName]}" --image-ids "imageTag=$tag"; then
        printf -v "$1" %s "${shared[RepositoryUri]}:$tag"
        return
    fi
    [ -z "${shared[RepositoryName]:-}" ] || [[ $problem == *ImageNotFound* ]] ||
        explain "ecr describe-images in ${shared[RepositoryName]}"
    need_docker=yes
}

# --- steps -------------------------------------------------------------------------------------------------------

make_bucket() {
    local location=()
    if [ "$bucket_complete" = yes ]; then
        say "$bucket is there"
        return
    fi
    [ "$region" = us-east-1 ] || location=(--create-bucket-configuration "LocationConstraint=$region")
    [ "$bucket_exists" = yes ] || change cloud s3api create-bucket --bucket "$bucket" "${location[@]}"
    change cloud s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
        BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
    change cloud s3api put-bucket-encryption --bucket "$bucket" --server-side-encryption-configuration \
        '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}'
    change cloud s3api put-bucket-tagging --bucket "$bucket" --tagging "TagSet=[{Key=stepfleet,Value=$prefix}]"
}

# upload FILE KEY: the key follows from the content, so what is there is right.
upload() {
    if [ "$bucket_exists" = yes ] && ask_aws s3api head-object --bucket "$bucket" --key "$2"; then
        say "unchanged: $2"
    else
        say "$2"
        change cloud s3api put-object --bucket "$bucket" --key "$2" --body "$1"
    fi
}

digest() { sha256sum "$1" | cut -c1-32; }

upload_all() {
    local name n file
    for name in "${!keys[@]}"; do
        upload "$dist/$name.zip" "${keys[$name]}"
    done
    for n in "${patterns[@]}"; do
        file=$home/infra/statemachines/pattern-$n.asl.json
        definitions[n]=definitions/pattern-$n-$(digest "$file").asl.json
        upload "$file" "${definitions[n]}"
    done
}

# What every template gets; only what a template declares is passed on to it.
common_parameters() {
    local name
    parameters=("Architecture=$architecture" "ArtifactBucket=$bucket")
    [ -z "${BILLING_MODE:-}" ] || parameters+=("BillingMode=$BILLING_MODE")
    [ -z "${LOG_RETENTION_DAYS:-}" ] || parameters+=("LogRetentionDays=$LOG_RETENTION_DAYS")
    for name in "${!shared[@]}"; do
        parameters+=("$name=${shared[$name]}")
    done
}

# deploy_stack NAME TEMPLATE PARAMETER=VALUE...: creates or updates it and waits until that is done. A tag on the stack
# tells what it was made from, so that the same again is no change and takes no time.
deploy_stack() {
    local name=$1 template=$2 verb=create since content
    shift 2
    [ ! -s "$work/$name.json" ] || verb=update
    content=$("$home/infra/render.py" parameters "$template" "$work/$name.json" "$work/parameters.json" "$@" "${extra[@]}")
    if [ "$content" = unchanged ]; then
        say "unchanged"
        return
    fi
    [ "$dry_run" = no ] || say "parameters: $(<"$work/parameters.json")"
    since=$(date -u +%Y-%m-%dT%H:%M:%S)
    if ! change cloud cloudformation "$verb-stack" --stack-name "$name" --template-body "file://$template" \
        --parameters "file://$work/parameters.json" --capabilities CAPABILITY_IAM \
        --tags "Key=stepfleet,Value=$prefix" "Key=stepfleet-content,Value=$content" 2>"$work/problem"; then
        problem=$(tr '\n' ' ' <"$work/problem")
        [[ $problem == *"No updates are to be performed"* ]] || explain "cloudformation $verb-stack of $name"
        say "unchanged"
        return
    fi
    change cloud cloudformation wait "stack-$verb-complete" --stack-name "$name" 2>"$work/problem" ||
        report_failure "$name" "$since"
    [ "$dry_run" = yes ] || look_at "$name"
}

report_failure() { # stack, since when
    printf '   the first reasons:\n' >&2
    print_reasons "$1" "$2"
    fail "stack $1 was not deployed ($(tr '\n' ' ' <"$work/problem")): mend the cause above; if the stack is now in" \
        "ROLLBACK_COMPLETE, delete it (aws cloudformation delete-stack --region $region --stack-name $1)"
}

# read_outputs STACK ARRAY: the stack's outputs, none if it is not there.
read_outputs() {
    local name value lines
    local -n told=$2
    told=()
    lines=$(told_of "$1" outputs)
    while IFS=$'\t' read -r name value; do
        # shellcheck disable=SC2004 # the name stands for an associative array
        [ -z "$value" ] || told[$name]=$value
    done <<<"$lines"
}

deploy_shared() {
    common_parameters
    deploy_stack "$prefix-shared" "$home/infra/shared.yaml" "${parameters[@]}"
    read_outputs "$prefix-shared" shared
}

# build_image VARIABLE TARGET: builds, pushes and sets the variable to the image's address.
build_image() {
    local address platform=linux/amd64
    [ "$architecture" = x86_64 ] || platform=linux/$architecture
    address=${shared[RepositoryUri]:-REPOSITORY}:$(source_tag "$2")
    if [ "$dry_run" = no ]; then
        cloud ecr get-login-password |
            docker login --username AWS --password-stdin "${address%%/*}" >/dev/null 2>"$work/problem" ||
            fail "Docker could not sign in to ${address%%/*}: $(tail -n 1 "$work/problem")"
    fi
    change docker build --platform "$platform" ${BASE:+--build-arg "BASE=$BASE"} --target "$2" --tag "$address" "$home"
    change docker push "$address"
    printf -v "$1" %s "$address"
}

make_images() {
    [ -n "$task_image" ] || build_image task_image s3-copy-task
    say "task image $task_image"
    if [ "$control_plane" = yes ]; then
        [ -n "$server_image" ] || build_image server_image stepfleet
        say "server image $server_image"
    fi
}

deploy_batch() { # number
    common_parameters
    deploy_stack "$prefix-batch-$1" "$home/infra/batch.yaml" "${parameters[@]}" \
        "ImageUri=$task_image" "MonitorKey=${keys[task-monitor]}"
}

deploy_pattern() { # number
    local name own=("DefinitionKey=${definitions[$1]}")
    [ "$1" = 2 ] || own+=("LauncherKey=${keys[task-launcher]}")
    read_outputs "$prefix-batch-$1" batch
    for name in "${!batch[@]}"; do
        own+=("$name=${batch[$name]}")
    done
    common_parameters
    deploy_stack "$prefix-pattern-$1" "$home/infra/pattern-$1.yaml" "${parameters[@]}" "${own[@]}"
}

# It serves every pattern of this prefix that outputs.json tells of.
deploy_control_plane() {
    local told own=()
    if [ -f "$outputs" ]; then
        told=$("$home/infra/render.py" service "$outputs" "$prefix-pattern-1" "$prefix-pattern-2")
        mapfile -t own <<<"$told"
    fi
    common_parameters
    deploy_stack "$prefix-control-plane" "$home/infra/control-plane.yaml" "${parameters[@]}" \
        "ImageUri=$server_image" "${own[@]}"
}

# Tells the tables, buckets and state machines that were made.
write_outputs() {
    local n stack
    for n in "${patterns[@]}"; do
        stack=$prefix-pattern-$n
        if [ "$dry_run" = yes ]; then
            say "would write the outputs of $stack to $outputs and render $specs/pattern-$n.json"
            continue
        fi
        "$home/infra/render.py" outputs "$outputs" "$stack" "$work/$stack.json"
        "$home/infra/render.py" spec "$home/specs/pattern-$n.json" "$outputs" "$stack" "$specs/pattern-$n.json"
        buckets[n]=$("$home/infra/render.py" value "$outputs" "$stack" s3BucketName)
        say "$specs/pattern-$n.json"
    done
}

put_samples() {
    local n
    for n in "${!buckets[@]}"; do
        if ask_aws s3api head-object --bucket "${buckets[n]}" --key input/sample.bin; then
            say "s3://${buckets[n]}/input/sample.bin is there"
        else
            head -c 1048576 /dev/urandom >"$work/sample.bin"
            change cloud s3api put-object --bucket "${buckets[n]}" --key input/sample.bin --body "$work/sample.bin"
        fi
    done
}

say_next() {
    local n
    printf '\nDeployed. Next:\n'
    for n in "${!buckets[@]}"; do
        [ "$sample" = yes ] || printf '  aws s3 cp YOUR_FILE s3://%s/input/sample.bin\n' "${buckets[n]}"
    done
    printf '  stepfleet serve --outputs %s\n' "$outputs"
    for n in "${patterns[@]}"; do
        printf "  curl -X POST --data-binary @%s -H 'content-type: application/json' 'localhost:8080/workflows?pattern=%s'\n" \
            "$specs/pattern-$n.json" "$n"
    done
}

declare -A keys=() shared=() batch=()
region='' account='' caller='' work='' answer='' problem=''
definitions=() buckets=() parameters=()
read_options "$@"
make_work_folder
step "checks" check_all
step "artifact bucket $bucket" make_bucket
step "artifacts" upload_all
step "stack $prefix-shared" deploy_shared
step "images" make_images
for each in "${patterns[@]}"; do
    step "stack $prefix-batch-$each" deploy_batch "$each"
    step "stack $prefix-pattern-$each" deploy_pattern "$each"
done
step "outputs and specs" write_outputs
[ "$control_plane" = no ] || step "stack $prefix-control-plane" deploy_control_plane
[ "$sample" = no ] || step "sample input" put_samples
if [ "$dry_run" = yes ]; then
    printf '\nDry run: nothing was changed.\n'
else
    say_next
fi
