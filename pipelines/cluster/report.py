"""What a run that has ended left: its verdict and report, brought to this machine."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bertline.artifacts import MANIFEST, new_folder, read_manifest
from bertline.drift.verdict import FILE_NAME, Drift
from bertline.errors import BertlineError, ClusterError
from bertline.stages.publish import FROM_REPORT
from bertline.storage import fetch
from pipelines.cluster.connection import Connection
from pipelines.cluster.pods import Pods
from pipelines.cluster.stages import stages_of
from pipelines.run import Result, Retraining


class Left(NamedTuple):
    """An artifact that a stage leaves: its name, its kind, and what is brought of its files."""

    artifact: str
    kind: str
    names: tuple[str, ...] = ()


LEFT = {
    "compare_data": Left("drift", "drift", (FILE_NAME, "drift.html")),
    "evaluate": Left("report", "report", FROM_REPORT),
    "compare_models": Left("compared", "report", FROM_REPORT),
    "publish": Left("published", "published"),
}
"""Stage → what tells of its verdict."""


def lines(connection: Connection, pods: Pods, run: Any, root: Path) -> Iterator[str]:
    """The results of a run that succeeded, as `bertline run` tells them; files go below `root`.

    Where a pod or file cannot be reached any more, a line says so instead.
    """
    last_pods = {stage.name: stage.pods[-1] for stage in stages_of(run) if stage.pods}

    def bring(stage: str) -> Path:
        left = LEFT[stage]
        folder: Path = root / run.run_id / left.kind
        uri = _uri(pods, last_pods.get(stage), left.artifact)
        _download(connection, uri, folder, left)
        return folder

    try:
        if "compare_data" in last_pods:
            drift, result = bring("compare_data"), None
            if Drift.read(drift).action == "train":
                result = Result(bring("compare_models"), bring("publish"))
            yield from Retraining(drift, result).lines()
        elif "evaluate" in last_pods:
            yield from Result(bring("evaluate"), bring("publish")).lines()
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


def _download(connection: Connection, uri: str, target: Path, left: Left) -> None:
    """Writes files of an artifact below a new folder, if they are as its manifest says."""
    with new_folder(target) as folder:
        for name in (MANIFEST, *left.names):
            (folder / name).write_bytes(_content(connection, f"{uri}/{name}"))
        known = read_manifest(folder, left.kind).files
        for name in left.names:
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
