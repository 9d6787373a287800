"""Runs the stages of a local pipeline in containers of Docker or podman, through kfp.local."""

import codecs
import contextlib
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import docker
from kfp import local
from kfp.local import docker_task_handler

from bertline.code_version import package_version
from bertline.errors import ConfigError, StageError, one_line
from bertline.interrupts import passed_on
from bertline.modeling.checkpoints.known import KNOWN
from bertline.modeling.checkpoints.source import files_behind
from bertline.stages.execute import FAILURE_FILE_VARIABLE
from bertline.storage.limits import VARIABLE
from components.image import IMAGE
from pipelines.fingerprint import named_sources
from pipelines.local import Place
from pipelines.processes import INTERRUPT_SECONDS, note_death, printed, stage_of_command

PREFIX = "localhost/"
"""What the names of images begin with that `make images` builds: nothing is ever pulled."""
CODE_LABEL = "bertline.code"
ROOT_LABEL = "bertline.root"
SOCKET = "unix:///var/run/docker.sock"
HERE = "fnapi"
"""The Beam runner that is in the stage's own process."""


@dataclass(frozen=True)
class Containers:
    """A Runner of pipelines.local: each task in a container that sees the run's folder.

    image_id: of the image of the components. readable: files and folders that tasks see too, at the
    same paths, for reading. networked: the stages that reach the network, as this machine does; the
    others have none.
    """

    image_id: str
    readable: frozenset[Path] = frozenset()
    networked: frozenset[str] = frozenset()

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
            user = _user(client)
        outside = [path for path in self.readable if not path.is_relative_to(place.root)]
        mounts = {str(path): {"bind": str(path), "mode": "ro"} for path in outside}
        for folder in (place.root, temporary):
            mounts[str(folder)] = {"bind": str(folder), "mode": "rw"}

        failure_file = Path(variables[FAILURE_FILE_VARIABLE])

        def run(client: Any, image: str, command: list[str], volumes: Any, **options: Any) -> int:
            stage = stage_of_command(command)
            status, last_words = run_container(
                client,
                f"{PREFIX}{image}",
                command,
                volumes=mounts,
                network_mode="host" if stage in self.networked else "none",
                **options,
            )
            note_death(failure_file, stage, status, last_words)
            return status

        # kfp 2.17 lets the engine remove a container that has ended, and takes one that it no
        # longer finds for a success: a failed stage passes, depending on who is faster.
        with mock.patch.object(docker_task_handler, "run_docker_container", run):
            yield local.DockerRunner(
                # No home of its own: the image's belongs to another user.
                environment={**variables, **_limits(), "HOME": "/tmp"},  # noqa: S108
                labels=label,
                user=user,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
            )


def networked(settings: Mapping[str, str]) -> frozenset[str]:
    """The stages that with these settings (stage → JSON) read from, or work at, other machines."""
    return frozenset(
        stage
        for stage, values in settings.items()
        if json.loads(values).get("beam_runner", HERE) != HERE
        or any("://" in source or source in KNOWN for source in named_sources(stage, values))
    )


def _limits() -> dict[str, str]:
    """The limits of this process, for those in containers."""
    return {VARIABLE: os.environ[VARIABLE]} if VARIABLE in os.environ else {}


def _user(client: Any) -> str:
    """Who runs the stages: the one who started the run, whose the run's folder is.

    An engine without root calls this user 0 inside, who may then do no more than outside.
    """
    is_rootless = any("rootless" in option for option in client.info()["SecurityOptions"] or ())
    return "0" if is_rootless else f"{os.getuid()}:{os.getgid()}"


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


def connect(readable: Iterable[Path] = (), networked: Iterable[str] = ()) -> Containers:
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
    return Containers(image.id, frozenset(readable), frozenset(networked))


@contextlib.contextmanager
def engine() -> Iterator[docker.DockerClient]:
    """A client of the engine behind $DOCKER_HOST; ConfigError if none answers, or it refuses."""
    try:
        with contextlib.closing(docker.from_env()) as client:
            yield client
    except docker.errors.DockerException as error:
        where = os.environ.get("DOCKER_HOST", SOCKET)
        raise ConfigError(
            f"{where}: no Docker or podman answers ({one_line(error)}); start one, or set "
            "DOCKER_HOST to the address of its socket"
        ) from None


def run_container(client: Any, image: str, command: list[str], **options: Any) -> tuple[int, str]:
    """The exit status of `command` and its last line, run in a new container.

    Prints its output by lines. A signal that ends this process is passed on to the command, which
    has INTERRUPT_SECONDS to clean up; the container is removed in any case. options: of docker's
    `containers.create`. Raises StageError for what the engine refuses.
    """
    try:
        container = client.containers.create(image, command, **options)
        try:
            # Attached before the start, so that nothing is missed.
            with (
                contextlib.closing(container.attach(stream=True)) as output,
                passed_on(lambda number: _end(container, number)),
            ):
                container.start()
                last_words = printed(_lines(output))
            return container.wait()["StatusCode"], last_words
        except KeyboardInterrupt:
            with contextlib.suppress(docker.errors.DockerException, OSError):
                container.wait(timeout=INTERRUPT_SECONDS)
            raise
        finally:
            container.remove(force=True)
    except (docker.errors.DockerException, OSError) as error:
        raise StageError(f"container of {image}: {one_line(error)}") from error


def _end(container: Any, number: int) -> None:
    """Sends a signal to all in the container; what has not ended after a while is killed.

    In a thread: this is called while the engine's client may be in use.
    """

    def end() -> None:
        with contextlib.suppress(docker.errors.DockerException, OSError):
            # The first process is a shell, which would not hear it.
            container.exec_run(["sh", "-c", f"kill -{number} -1"])
            container.wait(timeout=INTERRUPT_SECONDS)
        with contextlib.suppress(docker.errors.DockerException, OSError):
            container.kill()

    threading.Thread(target=end, daemon=True).start()


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of UTF-8 text that comes in pieces of any size."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pending = ""
    for chunk in chunks:
        *lines, pending = (pending + decoder.decode(chunk)).split("\n")
        yield from lines
    if pending:
        yield pending
