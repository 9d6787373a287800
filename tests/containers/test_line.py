"""A whole small pipeline in containers gives what it gives in subprocesses."""

import io
from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import file_sha256
from bertline.evaluation.results import Results
from pipelines.recipe import load_recipe
from pipelines.run import Result, run

pytestmark = pytest.mark.containers
SMALL = {
    "ingest.dev_size": 60,
    "ingest.max_train_examples": 200,
    "finetune.num_epochs": 1,
    "export.formats": ["saved_model", "litert_float32", "openvino_fp16"],
    "evaluate.agreement_examples": 20,
    "evaluate.bootstrap_samples": 200,
    "evaluate.latency_examples": 5,
    "evaluate.throughput_examples": 32,
}
SAME = (
    "ingest/examples/*.jsonl",
    "tokenize/features/*.tfrecord",
    "finetune/model/*.safetensors",
    "export/exported/saved_model/variables/*",
    "export/exported/litert_float32.tflite",
    "export/exported/openvino_fp16/*.bin",
)
"""What has no times, versions or places of temporary files in it."""


def ran(root: Path, in_containers: bool) -> tuple[dict[str, str], dict[str, Any]]:
    """Checksums of the files that are the same in every run, and the metrics of the report."""
    result = run(load_recipe("snips").changed(SMALL), root, io.StringIO(), in_containers)
    assert isinstance(result, Result)
    (artifacts,) = (root / "artifacts").iterdir()
    found = {pattern: sorted(artifacts.glob(pattern)) for pattern in SAME}
    assert all(found.values()), found
    files = [file for files in found.values() for file in files]
    checksums = {str(file.relative_to(artifacts)): file_sha256(file) for file in files}
    results = Results.read(result.report)
    return checksums, {file.name: file.metrics for file in results.files}


def test_weights_and_metrics_are_those_of_subprocesses(tmp_path: Path) -> None:
    checksums, metrics = ran(tmp_path / "containers", in_containers=True)
    assert (checksums, metrics) == ran(tmp_path / "subprocesses", in_containers=False)
    assert list(metrics) == ["saved_model", "litert_float32", "openvino_fp16"]
