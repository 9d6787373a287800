from collections.abc import Callable
from pathlib import Path

import pytest

from bertline.errors import DataError
from bertline.features.outcomes import has_features, outcome_file, take_outcome, write_outcome
from bertline.features.shards import Shard, Summary


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    return Shard(tmp_path / "copy/train.jsonl", 1, 0, 2, tmp_path / "train-0.tfrecord")


def failing(error: BaseException) -> Callable[[Shard], Summary]:
    def encode(shard: Shard) -> Summary:
        raise error

    return encode


def test_a_summary_comes_back_and_its_file_goes(shard: Shard, tmp_path: Path) -> None:
    summary = Summary(2, 1, {"8": 2})
    assert write_outcome(shard, shard.source, lambda shard: summary)
    assert outcome_file(shard) == tmp_path / "train-0.json"
    assert has_features(shard)
    assert take_outcome(shard) == summary
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_data_names_the_source(shard: Shard) -> None:
    error = DataError(f"{shard.source}:2: no text")
    assert write_outcome(shard, Path("/data/train.jsonl"), failing(error))
    assert not has_features(shard)
    with pytest.raises(DataError, match=r"^/data/train\.jsonl:2: no text$"):
        take_outcome(shard)


def test_an_os_error_keeps_its_parts(shard: Shard) -> None:
    assert write_outcome(shard, shard.source, failing(OSError(28, "No space left", "/out")))
    with pytest.raises(OSError, match="No space left") as caught:
        take_outcome(shard)
    assert (caught.value.errno, caught.value.filename) == (28, "/out")


def test_an_interruption_is_told(shard: Shard) -> None:
    assert not write_outcome(shard, shard.source, failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        take_outcome(shard)


def test_bugs_stay_exceptions(shard: Shard) -> None:
    with pytest.raises(ZeroDivisionError):
        write_outcome(shard, shard.source, failing(ZeroDivisionError()))
