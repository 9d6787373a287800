"""A machine whose programs only note down how they are called."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.manifests.rendered import MANIFESTS

TOOLS = ["awk", "bash", "cat", "dirname", "grep", "mktemp", "rm", "sleep", "tee"]
RECORDER = """#!/usr/bin/env bash
name=${0##*/}
line="$name $*"
printf '%s\\n' "$line" >> "$CALLS"
if [[ -n ${FAILS:-} && $line == $FAILS ]]; then
    echo "$name says no" >&2
    exit 1
fi
case $line in
    "kustomize build"*) printf 'objects of %s\\n' "$2" ;;
    *" apply "*) cat >> "$CALLS" ;;
    "kind get clusters") printf '%s\\n' ${CLUSTERS:-} ;;
    "bertline --version") echo bertline 1.2.3 ;;
    "bertline submit"*) printf 'a table\\n%s: all files\\n' "${VERDICT:-BLESSED}" ;;
    *port-forward*) exec python3 -c 'import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)' "$PORT" ;;
esac
"""


class Machine:
    """A machine with these programs and no others."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.calls = folder / "calls"
        self.calls.touch()
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        (self.bin / "python3").symlink_to(sys.executable)
        for program in ("kind", "minikube", "kubectl", "docker", "git", "kustomize", "bertline"):
            self.add(program)

    def add(self, program: str) -> None:
        (self.bin / program).write_text(RECORDER)
        (self.bin / program).chmod(0o755)

    def lose(self, program: str) -> None:
        (self.bin / program).unlink()

    def run(
        self, *arguments: str, script: str = "local-cluster.sh", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.bin),
            "CALLS": str(self.calls),
            "TMPDIR": str(self.temporary),
            "KUSTOMIZE": str(self.bin / "kustomize"),
            "BERTLINE": str(self.bin / "bertline"),
            "MEMORY_GIB": "0",
            "KFP_MANIFESTS": "upstream",
            "KFP_VERSION": "9.8.7",
        }
        done = subprocess.run(
            [self.bin / "bash", MANIFESTS / script, *arguments],
            cwd=MANIFESTS.parent,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not list(self.temporary.iterdir()), "temporary files are left"
        return done

    @property
    def sequence(self) -> list[str]:
        """The calls so far, without those that only look whether docker is there."""
        calls = self.calls.read_text().replace(f"{MANIFESTS}/", "manifests/").splitlines()
        return [call for call in calls if call != "docker info"]


def installation(context: str, overlay: str) -> list[str]:
    """The calls that install Kubeflow Pipelines and an overlay."""

    def applied(folder: str) -> list[str]:
        return [
            f"kustomize build {folder}",
            f"kubectl --context {context} apply --server-side --force-conflicts"
            " --field-manager bertline -f -",
            f"objects of {folder}",
        ]

    on = f"kubectl --context {context}"
    return [
        *applied("upstream/cluster-scoped-resources?ref=9.8.7&timeout=300"),
        f"{on} wait crd --all --for condition=established --timeout 60s",
        *applied("upstream/env/platform-agnostic?ref=9.8.7&timeout=300"),
        *applied(f"manifests/overlays/{overlay}"),
        f"{on} --namespace kubeflow patch configmap pipeline-install-config --type merge --patch"
        ' {"data": {"defaultSecurityContextRunAsNonRoot": "true",',
        '               "defaultSecurityContextRunAsUser": "1000",',
        '               "defaultSecurityContextRunAsGroup": "1000"}}',
        f"{on} --namespace kubeflow patch configmap workflow-controller-configmap --type merge"
        " --patch-file manifests/workflow-defaults.yaml",
        f"{on} --namespace kubeflow set env deployment/ml-pipeline"
        " ALLOWEDSERVICEACCOUNTS=bertline-runner",
        f"{on} --namespace kubeflow wait deployment --all --for condition=available"
        " --timeout 1200s",
    ]


def in_order(calls: list[str]) -> list[str]:
    """The calls with each pipe's in the order of the pipe, whichever end started first."""
    ordered = list(calls)
    for index in range(len(ordered) - 1):
        if " apply " in ordered[index] and ordered[index + 1].startswith("kustomize "):
            ordered[index : index + 2] = ordered[index + 1], ordered[index]
    return ordered
