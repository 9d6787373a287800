import json
from pathlib import Path

import pytest

from bertline.artifacts import digest, new_artifact, read_manifest, write_json
from bertline.drift.verdict import Drift
from bertline.errors import ConfigError, DataError
from bertline.evaluation.champion import counts_of
from bertline.evaluation.gate import Gate, Verdict, judge
from bertline.evaluation.inference import load
from bertline.evaluation.judges import judge_for
from bertline.evaluation.results import Results
from bertline.stages.compare_models import Settings, run
from bertline.stages.execute import execute
from bertline.tasks import get_task
from tests.drift.toy_profiles import make_profile
from tests.evaluation.sample_results import make_file, make_results
from tests.evaluation.toy_material import TEST, write_material
from tests.stages.toy_registry import publish_toy
from tests.storage.gcs_server import Cloud
from tests.toy_model import write_toy_folder

SNIPS = get_task("snips")
ALL_WRONG = [[1.0, 0.0, 0.0, 0.0, 0.0, 2.0]] * len(TEST)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What compare_models takes, but for the report; the champion is the toy model."""
    folder = tmp_path_factory.mktemp("compare")
    examples, _ = write_material(folder)
    with new_artifact(folder / "exported", "exported") as exported:
        write_toy_folder(exported)
    with new_artifact(folder / "model", "model") as model:
        write_json(model / "history.json", {"entries": []})
    publish_toy(folder / "registry/snips", folder / "exported", examples)
    names = ("model", "exported", "examples", "registry")
    return {**{name: folder / name for name in names}, "drift": write_drift(folder / "drift", 1)}


def write_drift(path: Path, champion: int | None) -> Path:
    found = Drift(
        name="snips",
        champion=champion,
        seen_in=None,
        checks=(),
        fresh=make_profile(),
        reference=None,
    )
    with new_artifact(path, "drift") as folder:
        found.write(folder)
    return path


def write_report(path: Path, exported: Path, rows: list[list[float]], gate: Gate) -> Path:
    results = make_results(make_file("openvino_int8"))
    with new_artifact(path, "report", {"exported": digest(exported), "blessed": True}) as folder:
        results.write(folder)
        judge(gate, results).write(folder)
        (folder / "report.html").write_text("old")
        (folder / "model_card.md").write_text("old")
        (folder / "predictions").mkdir()
        lines = "".join(f"{json.dumps({'counts': row})}\n" for row in rows)
        (folder / "predictions/openvino_int8.jsonl").write_text(lines)
    return path


def compared(
    inputs: dict[str, Path], folder: Path, rows: list[list[float]], gate: Gate | None = None
) -> Path:
    report = write_report(folder / "report", inputs["exported"], rows, gate or Gate())
    run(Settings(), **inputs, report=report, compared=folder / "compared")
    return folder / "compared"


@pytest.fixture(scope="module")
def champion_rows(inputs: dict[str, Path]) -> list[list[float]]:
    """The counts of the champion's own answers."""
    model = load(inputs["registry"] / "snips", "openvino_int8")
    rows: list[list[float]] = counts_of(model, TEST, judge_for(SNIPS), 32).tolist()
    return rows


def test_a_model_that_answers_alike_stays_blessed(
    inputs: dict[str, Path],
    champion_rows: list[list[float]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = compared(inputs, tmp_path, champion_rows)
    about = {"exported": digest(inputs["exported"]), "blessed": True, "champion": 1}
    assert read_manifest(folder, "report").about == about
    assert Verdict.read(folder).blessed
    results = Results.read(folder)
    assert results.champion == 1
    assert results.files[0].champion is not None
    assert (folder / "predictions/openvino_int8.jsonl").is_file()
    page = (folder / "report.html").read_text()
    assert "Against version 1, which is in use" in page
    assert "slot F1 is 0.00 points below version 1" in page
    assert "**blessed**" in (folder / "model_card.md").read_text()
    assert "openvino_int8 +0.00 (+0.00 to +0.00)" in capsys.readouterr().out


def test_a_model_that_is_worse_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = compared(inputs, tmp_path, ALL_WRONG)
    verdict = Verdict.read(folder)
    assert not verdict.blessed
    (reason,) = verdict.reasons
    assert reason.startswith("openvino_int8: slot F1 is 66.67 points below version 1's, up to ")
    assert read_manifest(folder, "report").about["blessed"] is False
    assert "**not blessed**" in (folder / "model_card.md").read_text()


def test_a_better_model_does_not_pass_a_gate_it_failed(
    inputs: dict[str, Path], champion_rows: list[list[float]], tmp_path: Path
) -> None:
    folder = compared(inputs, tmp_path, champion_rows, Gate(minimum={"slot_f1": 99}))
    assert not Verdict.read(folder).blessed


def test_without_a_champion_the_report_stays_as_it_is(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    first = {**inputs, "drift": write_drift(tmp_path / "drift", None)}
    folder = compared(first, tmp_path, ALL_WRONG)
    assert Verdict.read(folder) == Verdict.read(tmp_path / "report")
    assert Results.read(folder) == Results.read(tmp_path / "report")
    assert "Against version" not in (folder / "report.html").read_text()
    assert read_manifest(folder, "report").about["champion"] is None


def test_margins_are_settings(
    inputs: dict[str, Path], champion_rows: list[list[float]], tmp_path: Path
) -> None:
    report = write_report(tmp_path / "report", inputs["exported"], ALL_WRONG, Gate())
    settings = Settings.parse({"maximum_drop_upper": {"slot_f1": 100}}, where="test")
    run(settings, **inputs, report=report, compared=tmp_path / "compared")
    assert Verdict.read(tmp_path / "compared").blessed
    with pytest.raises(ConfigError, match="did you mean 'slot_f1'"):
        Settings.parse({"maximum_drop": {"slotf1": 1}}, where="compare_models")
    with pytest.raises(ConfigError, match="'f1' is not of this task"):
        Settings.parse({"maximum_drop": {"f1": 1}}, where="test").check_task(judge_for(SNIPS))


def test_a_champion_in_a_bucket(
    cloud: Cloud, inputs: dict[str, Path], tmp_path: Path, champion_rows: list[list[float]]
) -> None:
    publish_toy("gs://data/models/snips", inputs["exported"], inputs["examples"])
    report = write_report(tmp_path / "report", inputs["exported"], champion_rows, Gate())
    places = {**inputs, "report": report, "compared": tmp_path / "compared"}
    paths = {name: str(place) for name, place in places.items()}
    execute("compare_models", "{}", **{**paths, "registry": "gs://data/models/"})
    results = Results.read(tmp_path / "compared")
    assert results.champion == 1
    assert results.files[0].champion is not None
    assert results.files[0].champion.drops["slot_f1"].estimate == 0


def test_a_report_on_another_model_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    report = write_report(tmp_path / "report", inputs["model"], ALL_WRONG, Gate())
    with pytest.raises(DataError, match="not a report on"):
        run(Settings(), **inputs, report=report, compared=tmp_path / "compared")
    assert not (tmp_path / "compared").exists()
