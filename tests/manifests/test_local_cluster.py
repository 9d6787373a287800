"""manifests/local-cluster.sh, with programs that only note down how they are called."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.manifests.machine import Machine, in_order, installation
from tests.manifests.rendered import MANIFESTS

PROVIDERS = ["kind", "minikube"]
CONTEXTS = {"kind": "kind-bertline", "minikube": "bertline"}


@pytest.fixture
def port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = str(server.getsockname()[1])
    yield free


def test_up_makes_a_kind_cluster_and_installs(machine: Machine) -> None:
    done = machine.run("kind", "up")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "the cluster is up; next: make kind-load"
    assert in_order(machine.sequence) == [
        "kind get clusters",
        "kind create cluster --name bertline --wait 5m",
        *installation("kind-bertline", "kind"),
    ]


def test_up_takes_a_kind_cluster_that_is_there(machine: Machine) -> None:
    assert machine.run("kind", "up", CLUSTERS="other bertline").returncode == 0
    assert in_order(machine.sequence) == [
        "kind get clusters",
        *installation("kind-bertline", "kind"),
    ]


def test_up_with_minikube(machine: Machine) -> None:
    assert machine.run("minikube", "up").returncode == 0
    assert in_order(machine.sequence) == [
        "minikube start --profile bertline --driver docker --cni calico --cpus max --memory 0g",
        *installation("bertline", "minikube"),
    ]


@pytest.mark.parametrize(
    ("provider", "call"),
    [
        ("kind", "kind load image-archive {tar} --name bertline"),
        ("minikube", "minikube image load {tar} --profile bertline"),
    ],
)
def test_load_gives_the_image(machine: Machine, provider: str, call: str) -> None:
    assert machine.run(provider, "load").returncode == 0
    image = "localhost/bertline-core-python:1.2.3"
    version, look, save, load = machine.sequence
    assert (version, look) == ("bertline --version", f"docker image inspect {image}")
    match = re.fullmatch(rf"docker save --output (\S+) {re.escape(image)}", save)
    assert match and load == call.format(tar=match[1])


def test_load_asks_for_an_image_that_is_not_there(machine: Machine) -> None:
    done = machine.run("kind", "load", FAILS="docker image inspect*")
    assert done.returncode == 2
    assert done.stderr == (
        "error: image localhost/bertline-core-python:1.2.3 is not there; make images builds it\n"
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_sample_runs_through_a_forwarded_port(
    machine: Machine, provider: str, port: str
) -> None:
    done = machine.run(provider, "test", PORT=port)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a table\nBLESSED: all files\n"
    assert machine.sequence == [
        f"kubectl --context {CONTEXTS[provider]} --namespace kubeflow port-forward"
        f" service/ml-pipeline-ui {port}:80",
        f"bertline submit snips --target {provider} --host http://localhost:{port}",
    ]
    # Nothing listens any more.
    socket.create_server(("127.0.0.1", int(port))).close()


def test_a_model_that_is_not_blessed_fails(machine: Machine, port: str) -> None:
    done = machine.run("kind", "test", PORT=port, VERDICT="NOT BLESSED")
    assert done.returncode == 1
    assert done.stdout == "a table\nNOT BLESSED: all files\n"
    assert done.stderr == "error: the run ended without a blessed model, see above\n"


def test_a_port_that_is_taken_is_told(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = machine.run("kind", "test", PORT=port)
    assert done.returncode == 1
    assert f"error: Kubeflow Pipelines cannot be reached at port {port}" in done.stderr
    assert not [call for call in machine.sequence if call.startswith("bertline")]


@pytest.mark.parametrize(
    ("provider", "call"),
    [
        ("kind", "kind delete cluster --name bertline"),
        ("minikube", "minikube delete --profile bertline"),
    ],
)
def test_down_removes_the_cluster(machine: Machine, provider: str, call: str) -> None:
    assert machine.run(provider, "down").returncode == 0
    assert machine.sequence == [call]


@pytest.mark.parametrize("verb", ["up", "load", "test", "down"])
@pytest.mark.parametrize(
    ("program", "line"),
    [
        (
            "kind",
            "error: kind not found; see https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
        ),
        ("kubectl", "error: kubectl not found; see https://kubernetes.io/docs/tasks/tools/"),
        (
            "docker",
            "error: neither docker nor podman answers; start one, or: apt-get install podman",
        ),
    ],
)
def test_what_is_missing_is_one_line(machine: Machine, verb: str, program: str, line: str) -> None:
    machine.lose(program)
    done = machine.run("kind", verb)
    assert (done.returncode, done.stderr, done.stdout) == (2, f"{line}\n", "")
    assert machine.sequence == []


def test_all_that_is_missing_is_told_at_once(machine: Machine) -> None:
    for program in ("minikube", "kubectl", "docker"):
        machine.lose(program)
    done = machine.run("minikube", "up", MEMORY_GIB="1000000")
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert re.fullmatch(
        "error: .* GiB of memory are free, 1000000 are needed; MEMORY_GIB=… asks for less", lines[3]
    )
    assert machine.sequence == []


def test_podman_serves_where_docker_does_not_answer(machine: Machine) -> None:
    machine.add("podman")
    assert machine.run("minikube", "up", FAILS="docker info").returncode == 0
    assert [call for call in machine.sequence if " --driver podman " in call]


def test_a_submission_that_fails_gives_its_code(machine: Machine, port: str) -> None:
    done = machine.run("kind", "test", PORT=port, FAILS="bertline submit*")
    assert done.returncode == 1
    assert done.stderr == "bertline says no\n"


@pytest.mark.parametrize(
    "arguments", [[], ["kind"], ["docker", "up"], ["kind", "restart"], ["kind", "up-kind"]]
)
def test_other_arguments_get_the_usage(machine: Machine, arguments: list[str]) -> None:
    done = machine.run(*arguments)
    assert done.returncode == 2
    assert done.stderr == "error: usage: local-cluster.sh kind|minikube up|load|test|down\n"
    done = machine.run(*arguments, script="install.sh")
    assert done.returncode == 2
    assert done.stderr.startswith("error: usage: install.sh CONTEXT ")


def test_make_hands_on_provider_and_verb() -> None:
    environment = os.environ | {"MAKEFLAGS": ""}
    for provider in PROVIDERS:
        for verb in ("up", "load", "test", "down"):
            shown = subprocess.run(
                ["make", "--dry-run", "--no-print-directory", f"{provider}-{verb}"],
                cwd=MANIFESTS.parent,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            assert shown.splitlines()[-1].endswith(f"manifests/local-cluster.sh {provider} {verb}")
