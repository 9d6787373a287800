"""What a run that has ended left: its verdict and report, brought to this machine."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bertline.artifacts import MANIFEST, new_folder, read_manifest
from bertline.errors import BertlineError, ClusterError
from bertline.stages.publish import FROM_REPORT
from bertline.storage import fetch
from pipelines.cluster.connection import Connection
from pipelines.cluster.pods import Pods
from pipelines.cluster.stages import stages_of
from pipelines.run import Result

JUDGED = {"evaluate": ("report", FROM_REPORT), "publish": ("published", ())}
"""Stage → the artifact, also its kind, that tells of the verdict, and what is brought of it."""


def lines(connection: Connection, pods: Pods, run: Any, root: Path) -> Iterator[str]:
    """The results of a run that succeeded, as `bertline run` tells them; files go below `root`.

    Where a pod or file cannot be reached any more, a line says so instead.
    """
    last_pods = {stage.name: stage.pods[-1] for stage in stages_of(run) if stage.pods}
    try:
        if "evaluate" in last_pods:
            folder = root / run.run_id
            for stage, (artifact, names) in JUDGED.items():
                uri = _uri(pods, last_pods.get(stage), artifact)
                _download(connection, uri, folder / artifact, artifact, names)
            yield from Result(folder / "report", folder / "published").lines()
        elif "convert" in last_pods:
            yield f"exported: {_uri(pods, last_pods['convert'], 'exported')}"
    except BertlineError as error:
        yield f"results stay on the cluster: {error}"


def _uri(pods: Pods, pod: str | None, artifact: str) -> str:
    uri = pods.output(pod, artifact) if pod else None
    if uri is None:
        raise ClusterError(
            f"{artifact}: the host does not tell where it is; pods are gone, or --host is not that "
            "of ml-pipeline-ui"
        )
    return uri


def _download(
    connection: Connection, uri: str, target: Path, kind: str, names: Sequence[str]
) -> None:
    """Writes files of an artifact below a new folder, if they are as its manifest says."""
    with new_folder(target) as folder:
        for name in (MANIFEST, *names):
            (folder / name).write_bytes(_content(connection, f"{uri}/{name}"))
        known = read_manifest(folder, kind).files
        for name in names:
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != known.get(name):
                raise ClusterError(f"{uri}/{name}: came damaged; run the command again")


def _content(connection: Connection, uri: str) -> bytes:
    """The content of an object, from its bucket, or by way of ml-pipeline-ui where that has it."""
    place = urlsplit(uri)
    if place.scheme == "gs":
        with tempfile.TemporaryDirectory() as folder:
            return fetch(uri, Path(folder) / "object").read_bytes()
    content = connection.page(
        "/artifacts/get",
        source=place.scheme,
        bucket=place.netloc,
        key=place.path.removeprefix("/"),
        namespace=connection.settings.namespace,
    )
    if content is None:
        raise ClusterError(f"{uri}: {connection.settings.host} does not give it")
    return content
