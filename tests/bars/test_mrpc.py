"""What the line must reach on the real MRPC data: three seeds, an hour on 2 cores.

The runs are kept in runs/seeds and taken up again, so that a second call is quick.
"""

from pathlib import Path

import pytest

from benchmarks.seeds import pool, run_seeds
from tests.conftest import ROOT

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_paraphrases_are_found(shared: Path) -> None:
    data, root = str(shared / "data" / "mrpc"), ROOT / "runs" / "seeds"
    reference, *files = pool(run_seeds("mrpc", data, root, (1, 2, 3)))

    assert reference.metrics["f1"] >= 85
    assert reference.metrics["accuracy"] >= 78
    assert len(files) == 6
    for file in files:
        assert file.drops["f1"].estimate <= 1, file.name
