#!/usr/bin/env bash
# A cluster in containers of this machine: local-cluster.sh kind|minikube up|load|test|down
#   up    makes it, installs Kubeflow Pipelines        load  gives it the images
#   test  runs the recipe snips, checks the verdict    down  removes it, with all that it holds
# Exit code 2: something is missing here; 1: a step failed. Can be repeated.
set -euo pipefail
cd "$(dirname "$0")/.."

bertline=${BERTLINE:-.venv/bin/bertline}
memory_gib=${MEMORY_GIB:-8}
port=${PORT:-8080}
name=bertline
provider=${1:-}
verb=${2:-}

fail() { # code, message
    printf 'error: %s\n' "$2" >&2
    exit "$1"
}

case $provider-$verb in
    kind-up | kind-load | kind-test | kind-down)
        context=kind-$name
        install_page=https://kind.sigs.k8s.io/docs/user/quick-start/#installation
        ;;
    minikube-up | minikube-load | minikube-test | minikube-down)
        context=$name
        install_page=https://minikube.sigs.k8s.io/docs/start/
        ;;
    *) fail 2 "usage: local-cluster.sh kind|minikube up|load|test|down" ;;
esac

check() { # Every prerequisite that is missing, one line each.
    local missing=() free_gib
    command -v "$provider" > /dev/null || missing+=("$provider not found; see $install_page")
    command -v kubectl > /dev/null \
        || missing+=("kubectl not found; see https://kubernetes.io/docs/tasks/tools/")
    if docker info > /dev/null 2>&1; then
        engine=docker
    elif podman info > /dev/null 2>&1; then
        engine=podman
        export KIND_EXPERIMENTAL_PROVIDER=podman
    else
        missing+=("neither docker nor podman answers; start one, or: apt-get install podman")
    fi
    free_gib=$(awk '/^MemAvailable/ {print int($2 / 1024 / 1024)}' /proc/meminfo)
    if [[ $verb == up ]] && ((free_gib < memory_gib)); then
        missing+=("$free_gib GiB of memory are free, $memory_gib are needed; MEMORY_GIB=… asks for less")
    fi
    if ((${#missing[@]})); then
        printf 'error: %s\n' "${missing[@]}" >&2
        exit 2
    fi
}

make_kind() {
    [[ $'\n'$(kind get clusters 2> /dev/null)$'\n' == *$'\n'$name$'\n'* ]] \
        || kind create cluster --name "$name" --wait 5m
}

make_minikube() {
    # Calico, so that network policies hold as they do with kind.
    minikube start --profile "$name" --driver "$engine" --cni calico \
        --cpus max --memory "${memory_gib}g"
}

load_kind() {
    kind load image-archive "$1" --name "$name"
}

load_minikube() {
    minikube image load "$1" --profile "$name"
}

remove_kind() {
    kind delete cluster --name "$name"
}

remove_minikube() {
    minikube delete --profile "$name"
}

up() {
    "make_$provider"
    bash manifests/install.sh "$context" "manifests/overlays/$provider"
    printf 'the cluster is up; next: make %s-load\n' "$provider"
}

load() {
    local version image
    version=$("$bertline" --version)
    image=localhost/bertline-core-python:${version##* }
    "$engine" image inspect "$image" > /dev/null 2>&1 \
        || fail 2 "image $image is not there; make images builds it"
    "$engine" save --output "$folder/image.tar" "$image"
    "load_$provider" "$folder/image.tar"
    printf 'the cluster has %s; next: make %s-test\n' "$image" "$provider"
}

forward() { # Kubeflow Pipelines at localhost:$port, until this script ends.
    kubectl --context "$context" --namespace kubeflow port-forward service/ml-pipeline-ui \
        "$port:80" > /dev/null &
    forwarding=$!
    for _ in {1..60}; do
        sleep 0.5
        kill -0 "$forwarding" 2> /dev/null || break
        if (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
            return
        fi
    done
    fail 1 "Kubeflow Pipelines cannot be reached at port $port; make $provider-up, or PORT=… if it is taken"
}

submit() {
    forward
    "$bertline" submit snips --target "$provider" --host "http://localhost:$port" \
        | tee "$folder/output"
    grep -q '^BLESSED:' "$folder/output" || fail 1 "the run ended without a blessed model, see above"
}

folder=$(mktemp -d)
forwarding=
trap 'rm -rf "$folder"; [[ -z $forwarding ]] || kill "$forwarding" 2> /dev/null || true' EXIT
check
case $verb in
    up) up ;;
    load) load ;;
    test) submit ;;
    down) "remove_$provider" ;;
esac
