#!/usr/bin/env bash
# Installs Kubeflow Pipelines and what bertline needs beside it: install.sh CONTEXT FOLDER
# CONTEXT is the cluster's name in kubectl's settings, FOLDER an overlay: manifests/overlays/kind.
# Exit code 2: something is missing here; 1: the cluster did not come up. Can be repeated.
set -euo pipefail

kustomize=${KUSTOMIZE:-$(dirname "$0")/../.venv/bin/kustomize}
kfp_version=${KFP_VERSION:-2.17.0} # that of kfp in requirements.txt
kfp_manifests=${KFP_MANIFESTS:-github.com/kubeflow/pipelines/manifests/kustomize}
deadline_s=${DEADLINE_S:-1200}
context=${1:-}
folder=${2:-}

fail() { # code, message
    printf 'error: %s\n' "$2" >&2
    exit "$1"
}

on_cluster() {
    kubectl --context "$context" "$@"
}

apply() { # a folder or address for kustomize
    printf 'applying %s\n' "$1"
    # Server-side, since some definitions of Argo are longer than what the client may note down.
    "$kustomize" build "$1" \
        | on_cluster apply --server-side --force-conflicts --field-manager bertline -f - > /dev/null
}

[[ -n $context && -f $folder/kustomization.yaml ]] \
    || fail 2 "usage: install.sh CONTEXT FOLDER; folders are in manifests/overlays"
for program in kubectl git "$kustomize"; do # kustomize fetches with git
    command -v "$program" > /dev/null \
        || fail 2 "$program not found; install it (make kustomize for kustomize)"
done

apply "$kfp_manifests/cluster-scoped-resources?ref=$kfp_version&timeout=300"
on_cluster wait crd --all --for condition=established --timeout 60s > /dev/null
apply "$kfp_manifests/env/platform-agnostic?ref=$kfp_version&timeout=300"
apply "$folder"

in_kubeflow=(--namespace kubeflow)
# Stages run as the user that owns the volume's folders, and never as root.
on_cluster "${in_kubeflow[@]}" patch configmap pipeline-install-config --type merge --patch \
    '{"data": {"defaultSecurityContextRunAsNonRoot": "true",
               "defaultSecurityContextRunAsUser": "1000",
               "defaultSecurityContextRunAsGroup": "1000"}}' > /dev/null
on_cluster "${in_kubeflow[@]}" patch configmap workflow-controller-configmap --type merge \
    --patch-file "$(dirname "$0")/workflow-defaults.yaml" > /dev/null
# Later servers of this line start runs only as accounts that are listed.
on_cluster "${in_kubeflow[@]}" set env deployment/ml-pipeline \
    ALLOWEDSERVICEACCOUNTS=bertline-runner > /dev/null

printf 'waiting for Kubeflow Pipelines, up to %d s\n' "$deadline_s"
if ! on_cluster "${in_kubeflow[@]}" wait deployment --all --for condition=available \
    --timeout "${deadline_s}s" > /dev/null; then
    on_cluster "${in_kubeflow[@]}" get pods >&2
    fail 1 "Kubeflow Pipelines is not up after $deadline_s s, see the pods above; DEADLINE_S=… waits longer"
fi
