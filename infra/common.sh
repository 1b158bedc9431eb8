# shellcheck shell=bash
# shellcheck disable=SC2154 # options and answers: declared by the script that sources this
# What deploy.sh and destroy.sh share. Sourced by them, not run.

# Only the wording differs between a wrong call (2) and a check that failed (1): both end here.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
misused() {
    printf '%s: %s (--help tells the options)\n' "${0##*/}" "$*" >&2
    exit 2
}

say() { printf '   %s\n' "$*"; }

# step TITLE COMMAND...: says what comes, does it, says how long it took.
step() {
    local title=$1 start=$SECONDS
    shift
    printf '== %s\n' "$title"
    "$@"
    printf '   %d s\n' "$((SECONDS - start))"
}

# Every call of the aws CLI goes through here: old versions know no AWS_ENDPOINT_URL, and some no AWS_REGION.
cloud() {
    local service=$1 specific endpoint
    case $service in
    s3api) service=s3 ;;
    stepfunctions) service=sfn ;;
    esac
    specific=AWS_ENDPOINT_URL_${service^^}
    endpoint=${!specific:-${AWS_ENDPOINT_URL:-}}
    AWS_PAGER='' command aws --region "$region" ${endpoint:+--endpoint-url "$endpoint"} "$@"
}

# change COMMAND...: whatever alters something, here or in the account. A dry run prints it instead.
change() {
    if [ "$dry_run" = yes ]; then
        [ "$1" != cloud ] || set -- aws "${@:2}"
        printf '   would run:%s\n' "$(printf ' %q' "$@")"
    else
        "$@" >/dev/null
    fi
}

# ask_aws COMMAND...: a question that may have "no" for an answer. The answer is left in $answer, an error's text in
# $problem; the exit code is the command's.
ask_aws() {
    local code=0
    answer=$(cloud "$@" 2>"$work/problem") || code=$?
    problem=$(tr '\n' ' ' <"$work/problem")
    return "$code"
}

# One sentence for what went wrong in a call, if nothing better is known.
explain() { # what was tried
    case $problem in
    *AccessDenied* | *UnauthorizedOperation* | *"not authorized"*)
        fail "$1 is not allowed to $caller: give it the policy in docs/deploy.md.${problem:+ AWS says: $problem}"
        ;;
    *) fail "$1 failed: ${problem:-no reason was given}" ;;
    esac
}

make_work_folder() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
}

# --- checks that both make before anything is changed ------------------------------------------------------------

check_prefix() {
    [[ $prefix =~ ^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$ ]] || misused "STACK_PREFIX '$prefix' cannot be part of a" \
        "bucket's name: use 1 to 20 lower-case letters, digits and hyphens, a letter first"
}

check_tools() {
    command -v aws >/dev/null || fail "the aws CLI is not there: install it" \
        "(https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html, or Debian's package awscli)"
    command -v python3 >/dev/null || fail "python3 is not there: install it (Debian's package python3)"
}

find_region() {
    region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
    [ -n "$region" ] || region=$(command aws configure get region 2>/dev/null) || true
    [ -n "$region" ] || fail "no region is set: export AWS_REGION, for example AWS_REGION=eu-west-1"
    [[ $region =~ ^[a-z]{2,3}(-[a-z]+)+-[0-9]+$ ]] || fail "'$region' is no region: export AWS_REGION with the" \
        "name of one, for example AWS_REGION=eu-west-1"
}

find_caller() {
    local advice
    if ! ask_aws sts get-caller-identity --query '[Account, Arn]' --output text; then
        case $problem in
        *"Unable to locate credentials"* | *NoCredentials* | *"could not be found"*)
            advice="no AWS credentials were found: export AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ;;
        *ExpiredToken* | *"has expired"*)
            advice="the AWS credentials have expired: sign in again (aws sso login, or new keys)" ;;
        *InvalidClientTokenId* | *SignatureDoesNotMatch* | *UnrecognizedClient*)
            advice="AWS does not accept the credentials in $region: check the keys, and that the account has that region switched on"
            ;;
        *"Could not connect"* | *"Could not resolve"* | *"timed out"* | *"Connection was closed"*)
            advice="nothing answers at ${AWS_ENDPOINT_URL:-the endpoint of AWS in $region}: check AWS_REGION, AWS_ENDPOINT_URL and the network"
            ;;
        *) advice="the AWS credentials could not be used: $problem" ;;
        esac
        fail "$advice"
    fi
    account=${answer%%[[:space:]]*}
    caller=${answer##*[[:space:]]}
    [[ $account =~ ^[0-9]{12}$ ]] || fail "sts get-caller-identity told no account number but '$answer': check" \
        "that 'aws' on PATH is the AWS CLI"
}

# look_at STACK: what AWS tells of it goes into a file of its own, which is empty if there is no such stack.
look_at() {
    : >"$work/$1.json"
    if ask_aws cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0]' --output json; then
        printf '%s' "$answer" >"$work/$1.json"
    else
        [[ $problem == *"does not exist"* ]] || explain "cloudformation describe-stacks"
    fi
}

# told_of STACK status|outputs|parameters: from the last look at it; names and values a line each, a tab between.
told_of() { "$home/infra/render.py" stack "$work/$1.json" "$2"; }

# A stack that this moment cannot take a change: one sentence with the remedy.
check_stack() {
    local name=$1 status
    look_at "$name"
    status=$(told_of "$name" status)
    case $status in
    '' | CREATE_COMPLETE | UPDATE_COMPLETE | UPDATE_ROLLBACK_COMPLETE | IMPORT_*COMPLETE) ;;
    REVIEW_IN_PROGRESS)
        fail "stack $name is in REVIEW_IN_PROGRESS, a change set nobody executed: delete it" \
            "(aws cloudformation delete-stack --region $region --stack-name $name), then deploy again"
        ;;
    *_IN_PROGRESS)
        fail "stack $name is in $status, somebody changes it now: wait until that is over" \
            "(aws cloudformation describe-stacks --region $region --stack-name $name), then try again"
        ;;
    ROLLBACK_COMPLETE | ROLLBACK_FAILED | CREATE_FAILED | DELETE_FAILED)
        fail "stack $name is in $status and can only be deleted" \
            "(aws cloudformation delete-stack --region $region --stack-name $name), then deploy again"
        ;;
    UPDATE_ROLLBACK_FAILED)
        fail "stack $name is in $status: let its roll-back end" \
            "(aws cloudformation continue-update-rollback --region $region --stack-name $name), then try again"
        ;;
    *) fail "stack $name is in $status, in which it cannot be changed: look at it in the CloudFormation console" ;;
    esac
}

# resources STACK: "TYPE NAME" of each of the stack's resources, a line each. One that could not be created may have the
# name of something that was there before: it is not the stack's.
resources() {
    ask_aws cloudformation describe-stack-resources --stack-name "$1" --output text --query \
        "StackResources[?PhysicalResourceId && ResourceStatus!='DELETE_COMPLETE' && ResourceStatus!='CREATE_FAILED'].[ResourceType, PhysicalResourceId]" ||
        explain "cloudformation describe-stack-resources"
    printf '%s\n' "$answer"
}

# Why a stack failed: the first events that did, not what was cancelled because of them.
print_reasons() { # stack, since when
    cloud cloudformation describe-stack-events --stack-name "$1" --output text --query \
        "reverse(StackEvents[?Timestamp>='$2' && contains(ResourceStatus, 'FAILED') && !contains(ResourceStatusReason || '', 'ancelled')])[:3].[LogicalResourceId, ResourceType, ResourceStatusReason]" |
        sed 's/^/   /' >&2 || true
}
