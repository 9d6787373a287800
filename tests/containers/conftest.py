"""What tests in containers share: the core image and the engine of `make test-containers`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from pipelines.containers import Containers, connect, engine
from pipelines.local import Place


@pytest.fixture
def containers() -> Containers:
    return connect()


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    with engine() as client:
        yield client


@pytest.fixture
def image(client: docker.DockerClient, containers: Containers) -> Any:
    return client.images.get(containers.image_id)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "runs")
