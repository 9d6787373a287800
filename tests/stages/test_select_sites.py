from pathlib import Path

import pytest

from bertline.artifacts import files_of, new_artifact, write_json, write_text
from bertline.errors import ConfigError
from bertline.evaluation.gate import Verdict
from bertline.evaluation.inference import load
from bertline.evaluation.sensitivity import Sensitivity
from bertline.export.listing import Exports
from bertline.modeling.families.bert.sites import SITES
from bertline.modeling.model import build_model
from bertline.modeling.weights import save_weights, tensors_of, weights_digest
from bertline.stages.select_sites import Settings, run
from tests.evaluation.toy_material import LABELS, TEST, TRAIN, write_material
from tests.modeling.toys import toy_spec
from tests.toy_model import VOCABULARY


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("select")
    examples, features = write_material(folder, {"train": TRAIN, "dev": TEST})
    spec = toy_spec(num_hidden_layers=1).model_copy(update={"labels": LABELS})
    weights = tensors_of(build_model(spec).trainable_variables)
    about = {"weights_sha256": weights_digest(weights)}
    with new_artifact(folder / "model", "model", about) as model:
        save_weights(weights, model / "weights.safetensors")
        write_json(model / "model.json", spec.model_dump())
        write_text(model / "vocab.txt", "\n".join(VOCABULARY) + "\n")
    return {"model": folder / "model", "examples": examples, "features": features}


def test_a_file_and_what_led_to_it(
    inputs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = tmp_path / "exported"
    run(Settings(max_drop=100, examples=2, calibration_examples=6), **inputs, exported=exported)
    assert [file.name for file in files_of(exported)] == [
        "exports.json",
        "litert_int8_mixed.tflite",
        "manifest.json",
        "model.json",
        "sensitivity.json",
        "sensitivity.svg",
        "verdict.json",
        "vocab.txt",
    ]
    exports = Exports.read(exported)
    assert exports.calibration.count == 6
    assert exports.files[0].float_sites == SITES.float_kinds
    found = Sensitivity.read(exported)
    assert (found.examples, found.trial_examples, found.chosen) == (2, 3, ())
    assert {cost.site for cost in found.sites} >= {"layer_0/output_sum", "embeddings", "softmax"}
    assert "head" not in found.trials[0].float_sites
    assert Verdict.read(exported).blessed
    assert load(exported).predict(["play jazz"])[0].intent in LABELS["intents"]
    assert "\nBLESSED: within 100 points" in capsys.readouterr().out


def test_what_cannot_be_kept_is_not_blessed(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = tmp_path / "exported"
    monkeypatch.setattr(
        "bertline.evaluation.bench.Bench.measure", lambda bench, sites: (1.0, {"slot_f1": 1.0})
    )
    run(Settings(max_drop=0.5, examples=2), **inputs, exported=exported)
    verdict = Verdict.read(exported)
    assert not verdict.blessed
    assert verdict.reasons == ("no setting is within 0.5 points on dev",)
    assert "layer_0/output_sum" in Exports.read(exported).files[0].float_sites


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="max_drop"):
        Settings.parse({"max_drop": -1}, where="test")
