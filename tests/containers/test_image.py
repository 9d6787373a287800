"""The image itself: who it runs as, what it tells of itself, what it must not hold."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest

from bertline import __version__

pytestmark = pytest.mark.containers
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s(.*?)-----END CERTIFICATE-----", re.S)
PUBLIC = (Path(certifi.where()), *Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
BUNDLES = ("CA_BUNDLE", "PIP_CERT", "SSL_CERT_FILE")


def said(image: Any, command: list[str] | None = None) -> str:
    """The output of a command, or of the image's own, in a new container."""
    output = image.client.containers.run(image.id, command, remove=True, network_mode="host")
    return str(output.decode())


def test_health_command_is_its_default_command(image: Any) -> None:
    lines = said(image).splitlines()
    assert all(line.startswith(("ok ", "absent ")) for line in lines), lines
    healthy = {line.split()[1] for line in lines if line.startswith("ok ")}
    assert {"tensorflow", "openvino", "litert", "work"} <= healthy


def test_runs_as_an_ordinary_user_with_a_home(image: Any) -> None:
    assert image.attrs["Config"]["User"] == "1000"  # a number: what runAsNonRoot asks for
    assert said(image, ["sh", "-c", "id -u; touch ~/file; pwd"]) == "1000\n/home/bertline\n"


def test_labels_tell_what_it_is(image: Any) -> None:
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in image.labels.items()
    }
    revision = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    assert labels["title"] == "bertline-core"
    assert labels["version"] == __version__
    assert labels["revision"].removesuffix("-dirty") == revision.stdout.strip()
    assert {"source", "licenses", "bertline.code"} <= set(labels)


def test_holds_no_tools_of_the_tests(image: Any) -> None:
    installed = said(image, ["pip", "list", "--format", "freeze"])
    assert "kfp==2.17.0" in installed
    assert not re.search(r"^(pytest|mypy|ruff|uv|hypothesis)==", installed, re.M)


def test_holds_no_certificate_of_this_machine(image: Any) -> None:
    own = private_certificates()
    marks = [certificate.split()[1] for certificate in own]  # a line in the middle of each
    marks.append(b"-----BEGIN CERTIFICATE-----")  # shows that the search finds what is there
    found = found_in(image, marks)
    assert found == {b"-----BEGIN CERTIFICATE-----"}
    variables = {entry.partition("=")[0] for entry in image.attrs["Config"]["Env"]}
    assert not variables & {"PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    assert said(image, ["sh", "-c", "ls -A /run/secrets 2> /dev/null || true"]) == ""


def private_certificates() -> list[bytes]:
    """Those that this machine trusts and the public does not; none on most machines."""
    bundles = [Path(os.environ[name]) for name in BUNDLES if name in os.environ]
    public = {body for file in PUBLIC for body in bodies(file)}
    return [body for file in bundles if file.is_file() for body in bodies(file) - public]


def bodies(file: Path) -> set[bytes]:
    return {b"\n".join(body.split()) for body in CERTIFICATE.findall(file.read_bytes())}


def found_in(image: Any, marks: list[bytes]) -> set[bytes]:
    """The marks that occur in any file of the image."""
    container = image.client.containers.create(image.id, network_mode="host")
    try:
        found: set[bytes] = set()
        end = b""
        for chunk in stream(container):
            text = end + chunk
            found |= {mark for mark in marks if mark in text}
            end = text[-max(map(len, marks)) :]
        return found
    finally:
        container.remove()


def stream(container: Any) -> Iterator[bytes]:
    """The file system as a tar archive, by pieces."""
    pieces: Iterator[bytes] = container.export(chunk_size=1 << 22)
    return pieces
