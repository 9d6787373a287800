import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bertline.errors import DataError
from bertline.usage import Cost, Usage
from tests.conftest import ROOT


def cost(megabytes: int, seconds: float = 1.0) -> Cost:
    return Cost(
        seconds=seconds,
        user_seconds=seconds,
        system_seconds=0.5,
        page_faults=10,
        peak_memory_bytes=megabytes * 10**6,
    )


def written(folder: Path, **stages: Cost) -> Path:
    folder.mkdir()
    Usage(stages=stages).write(folder)
    return folder


def test_costs_of_this_process_grow_with_what_it_does() -> None:
    before = Cost.until_now()
    touched = np.ones(before.peak_memory_bytes + 50_000_000, np.uint8)
    assert touched.sum() == touched.size
    after = Cost.until_now()
    assert after.peak_memory_bytes > before.peak_memory_bytes + 50_000_000
    assert after.page_faults > before.page_faults
    assert after.user_seconds + after.system_seconds > before.user_seconds + before.system_seconds
    assert after.seconds > before.seconds > 0


def test_memory_is_not_that_of_whoever_started_the_process() -> None:
    held = np.ones(400_000_000, np.uint8)
    code = "from bertline.usage import Cost; print(Cost.until_now().peak_memory_bytes)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 10**6 < int(done.stdout) < held.nbytes / 2


def test_costs_follow_the_artifacts(tmp_path: Path) -> None:
    examples = written(tmp_path / "examples", ingest=cost(40))
    encoder = written(tmp_path / "encoder", import_checkpoint=cost(200))
    features = written(tmp_path / "features", ingest=cost(40), tokenize=cost(170))
    (tmp_path / "plain").mkdir()
    found = Usage.behind([encoder, examples, features, tmp_path / "plain", tmp_path / "missing"])
    assert found.followed_by("finetune").stages.keys() == {
        "import_checkpoint",
        "ingest",
        "tokenize",
        "finetune",
    }
    assert list(found.followed_by("finetune").stages)[-1] == "finetune"
    assert found.stages["tokenize"] == cost(170)


def test_of_several_tasks_of_a_stage_the_largest_is_kept(tmp_path: Path) -> None:
    shards = [
        written(tmp_path / str(number), ingest=cost(40), tokenize=cost(megabytes, seconds=9))
        for number, megabytes in enumerate((170, 190, 180))
    ]
    assert Usage.behind(shards).stages == {"ingest": cost(40), "tokenize": cost(190, seconds=9)}


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "usage.json").write_text("{")
    with pytest.raises(DataError, match=r"usage.json: malformed JSON"):
        Usage.behind([tmp_path])
