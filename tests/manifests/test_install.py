"""manifests/install.sh, with programs that only note down how they are called."""

import json
import re
from pathlib import Path

import kfp
import pytest
import yaml

from tests.manifests.machine import Machine, in_order, installation
from tests.manifests.rendered import MANIFESTS


def test_a_cluster_that_is_there_gets_the_same(machine: Machine) -> None:
    assert (
        machine.run("gke_p_z_c", "manifests/overlays/gke-gpu", script="install.sh").returncode == 0
    )
    assert in_order(machine.sequence) == installation("gke_p_z_c", "gke-gpu")


@pytest.mark.parametrize("program", ["git", "kustomize"])
def test_what_the_installation_lacks_is_one_line(machine: Machine, program: str) -> None:
    machine.lose(program)
    done = machine.run("kind", "up")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert re.fullmatch(rf"error: \S*{program} not found; install it .*", line)
    assert not [call for call in machine.sequence if call.startswith("kubectl")]


@pytest.mark.parametrize(
    "call",
    [
        "kind create*",
        "kustomize build upstream/cluster*",
        "kustomize build manifests/*",
        "*wait crd*",
        "*apply*",
        "*patch*",
        "*set env*",
    ],
)
def test_a_step_that_fails_is_the_last(machine: Machine, call: str) -> None:
    done = machine.run("kind", "up", FAILS=call)
    assert done.returncode == 1
    assert "says no" in done.stderr
    assert "the cluster is up" not in done.stdout
    assert not [each for each in machine.sequence if " wait deployment " in each]


def test_pods_are_shown_when_kubeflow_does_not_come_up(machine: Machine) -> None:
    done = machine.run("kind", "up", FAILS="*wait deployment*", DEADLINE_S="5")
    assert done.returncode == 1
    assert machine.sequence[-1].endswith("--namespace kubeflow get pods")
    assert done.stderr.splitlines()[-1].startswith(
        "error: Kubeflow Pipelines is not up after 5 s, see the pods above"
    )


@pytest.mark.real
def test_defaults_of_workflows_differ_from_a_stock_installation_in_retries_alone(
    shared: Path,
) -> None:
    recorded = shared / "oracle/kfp-2.17.0/workflow-controller-configmap.json"
    stock = json.loads(recorded.read_text(encoding="utf-8"))["data"]["workflowDefaults"]
    patch = yaml.safe_load((MANIFESTS / "workflow-defaults.yaml").read_text(encoding="utf-8"))
    expected = yaml.safe_load(stock)
    retries = expected["spec"]["templateDefaults"]["retryStrategy"]
    assert retries == {"limit": "2", "retryPolicy": "OnError"}
    retries["retryPolicy"] = "Always"
    retries["expression"] = (
        'lastRetry.status == "Error" || asInt(lastRetry.exitCode) in [1, 137, 143]'
    )
    assert yaml.safe_load(patch["data"]["workflowDefaults"]) == expected


def test_the_server_is_that_of_the_client() -> None:
    pinned = re.search(r"KFP_VERSION:-([\d.]+)", (MANIFESTS / "install.sh").read_text())
    assert pinned and pinned[1] == kfp.__version__
