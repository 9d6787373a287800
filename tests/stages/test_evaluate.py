import json
import shutil
from pathlib import Path

import pytest

from bertline.artifacts import digest, new_artifact, read_manifest, write_json
from bertline.errors import ConfigError, DataError
from bertline.evaluation.gate import Gate, Verdict
from bertline.evaluation.results import Results
from bertline.export.instruction_sets import find_instruction_set
from bertline.modeling.config import ModelSpec, QuantizationSpec
from bertline.modeling.model import build_model
from bertline.modeling.weights import save_weights, tensors_of
from bertline.stages.evaluate import Settings, run
from bertline.usage import Cost, Usage
from tests.evaluation.toy_material import write_material
from tests.toy_model import write_toy_folder

FILES = ["saved_model", "litert_dynamic_int8", "openvino_int8"]
SMALL = {"batch_size": 2, "agreement_examples": 4, "latency_examples": 2, "bootstrap_samples": 50}

TRAINED = Cost(
    seconds=70,
    user_seconds=120,
    system_seconds=5,
    page_faults=100_000,
    peak_memory_bytes=1_234_500_000,
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A training model with random weights, and exported files of the toy model."""
    folder = tmp_path_factory.mktemp("evaluate")
    examples, features = write_material(folder)
    with new_artifact(folder / "exported", "exported") as exported:
        write_toy_folder(exported)
    spec = ModelSpec.read(folder / "exported")
    with new_artifact(folder / "model", "model") as model:
        save_weights(tensors_of(build_model(spec).weights), model / "weights.safetensors")
        write_json(model / "model.json", spec.model_dump())
        entry = {"step": 1, "epoch": 1.0, "loss": 2.0, "learning_rate": 1e-4, "dev_loss": 2.0}
        write_json(model / "history.json", {"entries": [entry]})
        shutil.copyfile(folder / "exported" / "vocab.txt", model / "vocab.txt")
    Usage(stages={"finetune": TRAINED}).write(folder / "model")
    return {
        "model": folder / "model",
        "exported": folder / "exported",
        "features": features,
        "examples": examples,
    }


@pytest.fixture(scope="module")
def report(inputs: dict[str, Path]) -> Path:
    path = inputs["model"].parent / "report"
    run(Settings.parse({**SMALL, "gate": {}}, where="test"), **inputs, report=path)
    return path


def test_every_file_is_run_in_its_own_runtime(report: Path) -> None:
    results = Results.read(report)
    assert [file.name for file in results.files] == FILES
    assert [file.runtime for file in results.files] == ["saved_model", "litert", "openvino"]
    for file in results.files:
        # As worked out by hand in tests/evaluation/test_measure.py.
        assert file.metrics["slot_f1"] == pytest.approx(100 * 4 / 6)
        assert file.metrics["intent_accuracy"] == pytest.approx(200 / 3)
        assert file.metrics_without_leaked["slot_f1"] == pytest.approx(50)
        assert file.agreement is not None
        assert file.agreement.count == 4
        assert file.drops is not None
        drop = results.reference.metrics["slot_f1"] - file.metrics["slot_f1"]
        assert file.drops["slot_f1"].estimate == pytest.approx(drop)
        assert file.logit_difference is not None
        assert file.logit_difference > 1
    assert (results.test_count, results.leaked_count) == (3, 1)
    assert results.reference.name == "keras"
    assert results.reference.size_bytes > 0
    assert results.baselines["a bag-of-words classifier"].keys() == {"intent_accuracy"}


def test_the_report_has_what_the_stages_cost(report: Path) -> None:
    stages = Results.read(report).stages
    assert list(stages) == ["finetune", "evaluate"]
    assert stages["finetune"] == TRAINED  # as it was noted when it ran
    assert stages["evaluate"].peak_memory_bytes > 10**8
    assert "1234.5 MB" in (report / "report.html").read_text()


def test_files_of_a_report(inputs: dict[str, Path], report: Path) -> None:
    assert sorted(str(f.relative_to(report)) for f in report.rglob("*") if f.is_file()) == [
        "manifest.json",
        "metrics.json",
        "model_card.md",
        *sorted(f"predictions/{name}.jsonl" for name in ["keras", *FILES]),
        "report.html",
        "verdict.json",
    ]
    assert read_manifest(report, "report").about == {
        "exported": digest(inputs["exported"]),
        "blessed": True,
    }
    lines = (report / "predictions/openvino_int8.jsonl").read_text().splitlines()
    assert [json.loads(line)["answer"]["intent"] for line in lines] == [
        "PlayMusic",
        "RateBook",
        "PlayMusic",
    ]
    assert "openvino_int8" in (report / "report.html").read_text()
    assert "openvino_int8" in (report / "model_card.md").read_text()


def test_a_failed_gate_is_a_result(
    inputs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**SMALL, "gate": {"minimum": {"slot_f1": 99}, "required": ["openvino_int8"]}}
    run(Settings.parse(settings, where="test"), **inputs, report=tmp_path / "report")
    verdict = Verdict.read(tmp_path / "report")
    assert not verdict.blessed
    assert "openvino_int8: slot F1 is 66.67 %; at least 99 % is asked for" in verdict.reasons
    assert read_manifest(tmp_path / "report", "report").about["blessed"] is False
    output = capsys.readouterr()
    assert "NOT BLESSED" in output.out
    for name in ["keras", *FILES]:
        assert f"evaluate {name} 7/7" in output.err


def test_inputs_that_do_not_belong_together_leave_no_report(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    examples = tmp_path / "examples"
    about = read_manifest(inputs["examples"], "examples").about
    with new_artifact(examples, "examples", about) as folder:
        for name in ("train", "test"):
            lines = (inputs["examples"] / f"{name}.jsonl").read_text().splitlines()
            (folder / f"{name}.jsonl").write_text("\n".join(lines[1:]) + "\n")
    with pytest.raises(DataError, match="is not made from"):
        run(Settings(), **{**inputs, "examples": examples}, report=tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_settings_are_checked() -> None:
    assert Settings().gate == Gate()
    with pytest.raises(ConfigError, match="did you mean 'slot_f1'"):
        Settings.parse({"gate": {"minimum": {"slotf1": 90}}}, where="evaluate")


def test_files_tell_the_instruction_set_they_were_judged_on(
    inputs: dict[str, Path], report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "")  # put back afterwards
    settings = Settings.parse({**SMALL, "gate": {}, "instructions": "AVX2"}, where="test")
    run(settings, **inputs, report=tmp_path / "report")
    litert = find_instruction_set("litert").name
    files = Verdict.read(tmp_path / "report").files
    assert [file.instruction_set for file in files] == ["AVX2", "AVX2", litert, "AVX2"]
    assert Verdict.read(report).files[2].instruction_set == litert


def test_files_are_compared_with_a_float_model_where_one_is_given(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    values = {**SMALL, "gate": {}, "reference": str(inputs["model"])}
    model = tmp_path / "model"
    shutil.copytree(inputs["model"], model)
    spec = ModelSpec.read(model)
    spec.model_copy(update={"quantization": QuantizationSpec()}).write(model)
    run(Settings.parse(values, where="test"), **{**inputs, "model": model}, report=tmp_path / "r")
    results = Results.read(tmp_path / "r")
    assert results.reference.precision == "float32"
    assert results.settings["reference"] == str(inputs["model"])
