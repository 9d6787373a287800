"""Compiled pipelines in Kubeflow: a pipeline a recipe, a version for each content."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kfp_server_api

from pipelines.cluster.connection import Connection, Refused, found_or_made, named
from pipelines.compose import write_ir

DIGITS = 12


@dataclass(frozen=True)
class Version:
    """A version of a pipeline in Kubeflow; `name` is that of the pipeline and of its content."""

    pipeline_id: str
    version_id: str
    name: str


def upload(connection: Connection, line: Any) -> Version:
    """The version that holds a composed line, made if it is not there, and its pipeline too."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.yaml"
        write_ir(line, file)
        name = f"{line.name}-{hashlib.sha256(file.read_bytes()).hexdigest()[:DIGITS]}"
        pipeline_id = _pipeline_id(connection, line)

        def find() -> Any:
            listed = connection.call(
                connection.pipelines.pipeline_service_list_pipeline_versions,
                pipeline_id,
                filter=named(name),
            )
            return next(iter(listed.pipeline_versions or []), None)

        def make() -> Any:
            return connection.call(
                connection.uploads.upload_pipeline_version,
                str(file),
                name=name,
                display_name=name,
                pipelineid=pipeline_id,
            )

        found = found_or_made(find, make)
    return Version(pipeline_id, found.pipeline_version_id, name)


def _pipeline_id(connection: Connection, line: Any) -> str:
    service, namespace = connection.pipelines, connection.namespace
    options = {"namespace": namespace} if namespace else {}
    pipeline = kfp_server_api.V2beta1Pipeline(
        name=line.name,
        display_name=line.name,
        description=line.description,
        namespace=namespace,
    )

    def find() -> Any:
        try:
            return connection.call(
                service.pipeline_service_get_pipeline_by_name, line.name, **options
            )
        except Refused as error:
            if error.status != 404:
                raise
            return None

    def make() -> Any:
        return connection.call(service.pipeline_service_create_pipeline, pipeline)

    found: str = found_or_made(find, make).pipeline_id
    return found
