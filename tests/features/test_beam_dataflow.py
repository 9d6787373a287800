"""Dataflow up to the submission of a job, and a bucket for the files; no project is needed."""

from pathlib import Path
from typing import Any

import pytest

from bertline.errors import ConfigError, StageError
from bertline.features.beam import check_options, encode_shards
from tests.features.test_beam import EXAMPLES, make_job, make_shards
from tests.storage.gcs_server import Cloud


def test_copies_may_lie_in_a_bucket(tmp_path: Path, cloud: Cloud) -> None:
    shards = make_shards(tmp_path, EXAMPLES, 2)
    job = make_job(tmp_path)
    summaries = encode_shards(job, shards)
    expected = [shard.target.read_bytes() for shard in shards]
    options = ["--temp_location=gs://data/tmp"]
    assert encode_shards(job, shards, options=options) == summaries
    assert [shard.target.read_bytes() for shard in shards] == expected
    assert cloud.objects() == {}


DATAFLOW = {
    "project": "my-project",
    "region": "europe-west4",
    "temp_location": "gs://data/tmp",
    "sdk_container_image": "registry.example/bertline-beam:1",
}


def flags(values: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


@pytest.mark.parametrize("missing", DATAFLOW)
def test_dataflow_needs_what_it_cannot_guess(missing: str) -> None:
    given = {name: value for name, value in DATAFLOW.items() if name != missing}
    with pytest.raises(ConfigError) as caught:
        check_options("dataflow", flags(given))
    message = str(caught.value)
    assert message.startswith(f"tokenize.beam_options: dataflow needs --{missing}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"project": "12345"}, "Invalid Project ID (12345)"),
        ({"temp_location": "/tmp/x"}, "Invalid GCS path (/tmp/x), given for the option: temp_loca"),
        ({"staging_location": "gs://data"}, "Invalid GCS path: 'gs://data' given for option: stag"),
        ({"job_name": "My Job"}, "Invalid job_name (My Job)"),
        ({"num_workers": "0"}, "Invalid value (0) for option: num_workers"),
        ({"num_workers": "few"}, "argument --num_workers: invalid int value: 'few'"),
        ({"runner": "DirectRunner"}, "--runner=DirectRunner; leave it out, set beam_runner"),
        ({"workers": "2"}, "unknown option '--workers=2'"),
    ],
)
def test_wrong_options_are_refused_without_asking_anybody(
    values: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_options("dataflow", flags(DATAFLOW | values))
    assert str(caught.value).startswith(f"tokenize.beam_options: {message}")
    assert "; " in str(caught.value)


def test_dataflow_gets_a_job_up_to_its_submission(
    tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beam's own dry run: the whole job is described, inputs lie in the bucket, nothing is sent."""
    from apache_beam.runners.dataflow.internal import apiclient

    jobs: list[Any] = []
    inputs: list[str] = []

    class Job(apiclient.Job):  # type: ignore[misc]
        def __init__(self, options: Any, pipeline: Any) -> None:
            super().__init__(options, pipeline)
            jobs.append((options.get_all_options(), pipeline))
            inputs.extend(name.rpartition("/")[2] for name in cloud.objects())

    monkeypatch.setattr(apiclient, "Job", Job)
    shards = make_shards(tmp_path, EXAMPLES, 2)
    options = [*flags(DATAFLOW), "--dry_run=True"]
    with pytest.raises(StageError, match="the Beam pipeline failed"):  # without any outcome
        encode_shards(make_job(tmp_path), shards, "dataflow", options)
    ((values, pipeline),) = jobs
    given = {name: values[name].partition("/beamapp-")[0] for name in DATAFLOW}
    assert given == DATAFLOW
    assert values["staging_location"].startswith(DATAFLOW["temp_location"])
    (environment,) = pipeline.components.environments.values()
    assert DATAFLOW["sdk_container_image"].encode() in environment.payload
    names = {transform.unique_name for transform in pipeline.components.transforms.values()}
    assert {"shards", "spread", "encode"} <= {name.partition("/")[0] for name in names}
    assert inputs == ["train.jsonl", "vocab.txt"]
    assert cloud.objects() == {}
