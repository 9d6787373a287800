"""What a run that has ended left: its verdict and report, copied to this machine."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bertline.artifacts import MANIFEST, new_folder, read_manifest
from bertline.drift.verdict import FILE_NAME, Drift
from bertline.errors import BertlineError, ClusterError
from bertline.stages.publish import FROM_REPORT
from bertline.storage import fetch
from pipelines.cluster.connection import Connection
from pipelines.cluster.pods import Pods
from pipelines.cluster.stages import stages_of
from pipelines.cluster.workflow import Workflow
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


def lines(
    connection: Connection, pods: Pods, workflow: Workflow, run_id: str, root: Path
) -> Iterator[str]:
    """The results of a run that succeeded, as `bertline run` prints them; files go below `root`.

    Raises ClusterError if the verdict or the report cannot be read: a run without them must not
    look like one that was blessed.
    """
    stages = {stage.name: stage for stage in stages_of(workflow) if stage.pods}

    def address(stage: str, artifact: str) -> str:
        newest = stages[stage].pods[-1] if stage in stages else None
        uri = newest and (
            newest.output_uri(artifact) or pods.output(workflow.pod(newest), artifact)
        )
        if not uri:
            raise ClusterError(
                f"{connection.settings.host} does not return where {stage} wrote it; --host must "
                "be that of ml-pipeline-ui"
            )
        return uri

    def copied(stage: str) -> Path:
        left = LEFT[stage]
        folder: Path = root / run_id / left.kind
        _download(connection, address(stage, left.artifact), folder, left)
        return folder

    try:
        if "compare_data" in stages:
            drift, result = copied("compare_data"), None
            if Drift.read(drift).action == "train":
                result = Result(copied("compare_models"), copied("publish"))
            yield from Retraining(drift, result).lines()
        elif "convert" in stages:
            yield f"exported: {address('convert', 'exported')}"
        else:
            yield from Result(copied("evaluate"), copied("publish")).lines()
    except BertlineError as error:
        raise ClusterError(
            f"run {run_id} succeeded, but its results cannot be read: {error}"
        ) from None


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
