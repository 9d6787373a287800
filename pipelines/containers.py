"""Runs the stages of a local pipeline in containers of Docker or podman, through kfp.local."""

import codecs
import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import docker
from kfp import local
from kfp.local import docker_task_handler

from bertline.code_version import package_version
from bertline.errors import ConfigError, StageError
from bertline.modeling.checkpoints.source import files_behind
from components.image import IMAGE
from pipelines.fingerprint import named_sources
from pipelines.local import INTERRUPT_SECONDS, Place

PREFIX = "localhost/"
"""What the names of images begin with that `make images` builds: nothing is ever pulled."""
CODE_LABEL = "bertline.code"
ROOT_LABEL = "bertline.root"
SOCKET = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Containers:
    """A Runner of pipelines.local: each task in a container that sees the run's folder.

    image_id: of the image of the components. readable: files and folders that tasks see too, at the
    same paths, for reading.
    """

    image_id: str
    readable: frozenset[Path] = frozenset()

    @contextlib.contextmanager
    def __call__(
        self, place: Place, temporary: Path, variables: Mapping[str, str]
    ) -> Iterator[local.DockerRunner]:
        """The kfp runner of one run; removes the containers of earlier ones that were killed."""
        label = {ROOT_LABEL: str(place.root)}
        filters = {"label": [f"{name}={value}" for name, value in label.items()]}
        with engine() as client:
            for left in client.containers.list(all=True, filters=filters):
                left.remove(force=True)
        outside = [path for path in self.readable if not path.is_relative_to(place.root)]
        mounts = {str(path): {"bind": str(path), "mode": "ro"} for path in outside}
        for folder in (place.root, temporary):
            mounts[str(folder)] = {"bind": str(folder), "mode": "rw"}

        def run(client: Any, image: str, command: list[str], volumes: Any, **options: Any) -> int:
            return run_container(client, f"{PREFIX}{image}", command, volumes=mounts, **options)

        # kfp 2.17 lets the engine remove a container that has ended, and takes one that it no
        # longer finds for a success: a failed stage passes, depending on who is faster.
        with mock.patch.object(docker_task_handler, "run_docker_container", run):
            # As root: the folders belong to whoever started the run.
            yield local.DockerRunner(
                environment=dict(variables), labels=label, network_mode="host", user="0"
            )


def outside(settings: Mapping[str, str]) -> set[Path]:
    """The local files and folders that stages with these settings read, and what links there name.

    settings: stage → JSON. A folder of Hugging Face's cache, for one, is all links.
    """
    named = {
        source for stage, values in settings.items() for source in named_sources(stage, values)
    }
    files = {file for source in named if "://" not in source for file in files_behind(source)}
    paths = {Path(file) for file in files if Path(file).is_absolute()}
    inside = (file for path in paths if path.is_dir() for file in path.rglob("*"))
    return paths | {file.resolve() for file in inside if file.is_symlink() and file.exists()}


def connect(readable: Iterable[Path] = ()) -> Containers:
    """The engine behind $DOCKER_HOST, with the image of this code.

    Raises ConfigError if none answers, and for an image that is missing or of other code.
    """
    name = f"{PREFIX}{IMAGE}"
    with engine() as client:
        try:
            image = client.images.get(name)
        except docker.errors.ImageNotFound:
            raise ConfigError(f"no image {name} here; build it with `make images`") from None
    if image.labels.get(CODE_LABEL) != package_version():
        raise ConfigError(f"image {name} holds other code than this; build it with `make images`")
    return Containers(image.id, frozenset(readable))


@contextlib.contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """A client of the engine behind $DOCKER_HOST; ConfigError if none answers, or it refuses."""
    try:
        with contextlib.closing(docker.from_env()) as client:
            yield client
    except docker.errors.DockerException as error:
        where = os.environ.get("DOCKER_HOST", SOCKET)
        raise ConfigError(
            f"{where}: no Docker or podman answers ({_one_line(error)}); start one, or set "
            "DOCKER_HOST to the address of its socket"
        ) from None


def run_container(client: Any, image: str, command: list[str], **options: Any) -> int:
    """The exit status of `command`, run in a new container that is removed in any case.

    Prints its output by lines. On Ctrl-C the command is interrupted, too, and has INTERRUPT_SECONDS
    to clean up. options: of docker's `containers.create`. Raises StageError for what the engine
    refuses.
    """
    try:
        container = client.containers.create(image, command, **options)
        try:
            # Attached before the start, so that nothing is missed.
            with contextlib.closing(container.attach(stream=True)) as output:
                container.start()
                for line in _lines(output):
                    print(line)
            status: int = container.wait()["StatusCode"]
            return status
        except KeyboardInterrupt:
            _interrupt(container)
            raise
        finally:
            container.remove(force=True)
    except (docker.errors.DockerException, OSError) as error:
        raise StageError(f"container of {image}: {_one_line(error)}") from error


def _interrupt(container: Any) -> None:
    """Interrupts everything in the container, and waits for its end for a while."""
    with contextlib.suppress(docker.errors.DockerException, OSError):
        # Its first process is a shell, which would not hear it.
        container.exec_run(["sh", "-c", "kill -INT -1"])
        container.wait(timeout=INTERRUPT_SECONDS)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of UTF-8 text that comes in pieces of any size."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending = ""
    for chunk in chunks:
        *lines, pending = (pending + decoder.decode(chunk)).split("\n")
        yield from lines
    if pending:
        yield pending


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
