#!/bin/bash
# test-image.sh PYTHON: builds the container images and runs them, for proof.
#
# The engine is one of its own: Debian's docker.io with its data in a temporary folder, no bridge
# and no firewall rule. All of it is gone at the end, also after a failure. Only where no engine can
# run is the test left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-/usr/bin/python3}
left_out() {
    echo "left out: test-image: $*"
    exit 0
}

[ "$(id -u)" = 0 ] || left_out "a container engine of its own can only be started by root"
tests/support/deps.sh build test image

# --- the engine -----------------------------------------------------------------------------------
work=$(mktemp -d /tmp/stepfleet-image.XXXXXX) # short: the engine's socket is in there
engine=
# What an engine leaves behind on the machine; removed at the end unless it was there before.
traces=(/run/docker /run/containerd /etc/docker)
while read -r hierarchy; do
    traces+=("$hierarchy/docker")
done < <(awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts)
new_traces=()
for trace in "${traces[@]}"; do
    [ -e "$trace" ] || new_traces+=("$trace")
done

export DOCKER_HOST=unix://$work/sock DOCKER_CONFIG=$work/config DOCKER_BUILDKIT=0
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH

stop_engine() {
    docker ps -aq | xargs -r docker rm -f -v >/dev/null
    kill "$engine"
    wait "$engine" || true
}
clean_up() {
    local status=$? mount trace
    trap - EXIT
    set +e
    [ -z "$engine" ] || ! kill -0 "$engine" 2>/dev/null || stop_engine
    # The engine leaves its name spaces mounted; nothing is removed below a mount.
    awk -v top="$work/" 'index($2, top) == 1 { print $2 }' /proc/mounts | sort -r |
        while read -r mount; do umount "$mount"; done
    rm -rf --one-file-system "$work"
    for trace in "${new_traces[@]}"; do
        case $trace in
        */cgroup*) find "$trace" -depth -type d -exec rmdir {} + 2>/dev/null ;;
        *) rm -rf --one-file-system "$trace" ;;
        esac
    done
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir "$work/config"
echo '{}' >"$work/engine.json"
dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" -H "$DOCKER_HOST" \
    --config-file "$work/engine.json" --iptables=false --ip6tables=false --ip-forward=false \
    --bridge=none >"$work/engine.log" 2>&1 &
engine=$!
for ((i = 0; i < 300; i++)); do
    docker version >/dev/null 2>&1 && break
    kill -0 "$engine" 2>/dev/null ||
        left_out "the container engine does not run here: $(tail -n 1 "$work/engine.log")"
    sleep 0.1 # it tells nobody when it is ready
done
docker version >/dev/null || left_out "the container engine did not answer within 30 s"

# --- the images -----------------------------------------------------------------------------------
quietly() { # what it is, command...: its output is shown only if it fails
    local what=$1 start=$SECONDS
    shift
    if ! "$@" >"$work/log" 2>&1; then
        tail -n 40 "$work/log" >&2
        echo "test-image: $what failed: see above" >&2
        return 1
    fi
    echo "test-image: $what: $((SECONDS - start)) s"
}
# The base by its name, or made of Debian's packages where no registry is in reach.
base=$(sed -n 's/^ARG BASE=//p' Dockerfile)
make_base() {
    mmdebstrap --quiet --variant=minbase bookworm "$work/base.tar" &&
        docker import -c 'CMD ["bash"]' - "$base" <"$work/base.tar" &&
        rm -f "$work/base.tar"
}
if timeout 30 docker pull -q "$base" >/dev/null 2>&1; then
    echo "test-image: base image $base: pulled"
else
    quietly "base image $base from Debian's packages (no registry in reach)" make_base
fi
# There is no bridge: packages are fetched through the host's network.
for target in s3-copy-task stepfleet; do
    quietly "image $target" docker build --network host --target "$target" -t "test/$target" .
done

docker image ls --format 'test-image: {{.Repository}}: {{.Size}}' 'test/*'

"$python" -W ignore::ResourceWarning -m unittest -v tests.image.test_image
