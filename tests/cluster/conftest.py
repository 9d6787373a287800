"""A control plane of this machine: etcd and kube-apiserver, without kubelet and controllers."""

import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kubernetes import client, dynamic

START_SECONDS = 120
ADMIN = "system:masters"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[client.ApiClient]:
    """A client of the control plane, as its administrator."""
    etcd = program("etcd", "apt-get install etcd-server")
    apiserver = program("kube-apiserver", "make test-cluster builds it")
    folder = tmp_path_factory.mktemp("cluster")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key_file = folder / "service-account.pem"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f'{token},admin,1,"{ADMIN}"\n')
    client_port, peer_port, secure_port = free_ports(3)
    etcd_address = f"http://127.0.0.1:{client_port}"
    commands = [
        [
            etcd,
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls={etcd_address}",
            f"--advertise-client-urls={etcd_address}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
        ],
        [
            apiserver,
            f"--etcd-servers={etcd_address}",
            "--bind-address=127.0.0.1",
            f"--secure-port={secure_port}",
            f"--cert-dir={folder}/certificates",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key_file}",
            f"--service-account-signing-key-file={key_file}",
        ],
    ]
    configuration = client.Configuration()
    configuration.host = f"https://127.0.0.1:{secure_port}"
    configuration.api_key = {"authorization": f"Bearer {token}"}
    configuration.ssl_ca_cert = f"{folder}/certificates/apiserver.crt"
    configuration.assert_hostname = False  # the certificate names the machine's own address
    with contextlib.ExitStack() as stack:
        for command in commands:
            log = stack.enter_context((folder / f"{Path(command[0]).name}.log").open("w"))
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        wait_until_ready(configuration, folder)
        api = stack.enter_context(client.ApiClient(configuration))
        yield api


@pytest.fixture(scope="session")
def resources(cluster: client.ApiClient) -> dynamic.DynamicClient:
    """The kinds of objects that the server has."""
    return dynamic.DynamicClient(cluster)


def program(name: str, remedy: str) -> str:
    folder = Path(sys.executable).parent
    found = shutil.which(name, path=str(folder)) or shutil.which(name)
    if found is None:
        pytest.fail(f"{name} not found; {remedy}", pytrace=False)
    return found


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_until_ready(configuration: client.Configuration, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception), client.ApiClient(configuration) as api:
            answer: Any = api.call_api(
                "/readyz", "GET", auth_settings=["BearerToken"], response_type="str"
            )
            if answer[0] == "ok":
                return
        time.sleep(0.5)
    log = (folder / "kube-apiserver.log").read_text()[-2000:]
    pytest.fail(f"kube-apiserver is not ready after {START_SECONDS} s:\n{log}", pytrace=False)
