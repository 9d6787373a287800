from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import write_json
from bertline.modeling.config import QuantizationSpec
from bertline.stages import select_sites
from pipelines.cli import main
from tests.modeling.toys import toy_spec
from tests.toy_model import write_toy_folder

Captured = pytest.CaptureFixture[str]


def test_inspect_tells_the_facts_of_a_file(tmp_path: Path, capsys: Captured) -> None:
    write_toy_folder(tmp_path)
    assert main(["inspect", str(tmp_path / "litert_dynamic_int8.tflite"), "--length", "9"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split(maxsplit=1) == ["length", "9 tokens"]
    assert any("GATHER 2" in line for line in lines)


@pytest.mark.parametrize("in_run", [True, False])
@pytest.mark.parametrize("trained", [True, False])
def test_quantize_finds_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_run: bool, trained: bool
) -> None:
    spec = toy_spec()
    if trained:
        spec = spec.model_copy(update={"quantization": QuantizationSpec()})
    places = {
        "model": tmp_path / ("quantize/quantized" if trained else "finetune/model"),
        "features": tmp_path / "tokenize/features",
        "examples": tmp_path / "ingest/examples",
    }
    for place in places.values():
        place.mkdir(parents=True)
    write_json(places["model"] / "model.json", spec.model_dump())
    found: dict[str, Any] = {}

    def note(settings: select_sites.Settings, **paths: Path) -> None:
        found.update(paths, max_drop=settings.max_drop)

    monkeypatch.setattr(select_sites, "run", note)
    others = ["--features", str(places["features"]), "--examples-from", str(places["examples"])]
    given = [str(tmp_path)] if in_run else [str(places["model"]), *others]
    line = [*given, "--max-drop", "0.3", "-o", str(tmp_path / "out")]
    if not trained:
        assert main(["quantize", *line]) == 2
        line.append("--no-training")
    assert main(["quantize", *line]) == 0
    assert found == {**places, "exported": tmp_path / "out", "max_drop": 0.3}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--no-training"], "no model there; give a run's folder"),
        ([], "no model there; give a run's folder"),
    ],
)
def test_what_is_missing_is_one_line(
    tmp_path: Path, capsys: Captured, line: list[str], message: str
) -> None:
    assert main(["quantize", str(tmp_path), *line, "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
