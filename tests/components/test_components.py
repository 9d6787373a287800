import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from bertline.artifacts import write_json
from bertline.drift.limits import Limits, check_data
from bertline.drift.verdict import Drift
from bertline.evaluation.gate import Gate, judge
from bertline.stages import execute as stage_execution
from bertline.tables.stages import STAGES
from components.image import IMAGE
from tests.drift.toy_profiles import make_profile
from tests.evaluation.sample_results import make_file, make_results

FOLDER = Path(__file__).parent.parent.parent / "components"


def component(stage: str) -> Any:
    return getattr(importlib.import_module(f"components.{stage}"), stage)


def test_every_stage_has_a_component_and_every_component_a_stage() -> None:
    names = {file.stem for file in FOLDER.glob("*.py")}
    assert names - {"__init__", "image"} == set(STAGES)


@pytest.mark.parametrize(("stage", "output"), [(s.name, s.output) for s in STAGES.values()])
def test_component_has_the_output_that_its_stage_writes(stage: str, output: str) -> None:
    outputs = component(stage).component_spec.outputs
    assert outputs[output].type.startswith("system.")  # an artifact


@pytest.mark.parametrize("stage", STAGES)
def test_component_runs_in_the_image_as_it_is(stage: str) -> None:
    container = component(stage).component_spec.implementation.container
    assert container.image == IMAGE
    assert "pip install" not in " ".join(container.command)


@pytest.mark.parametrize("stage", STAGES)
def test_component_gives_the_stage_what_it_takes(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every parameter of the stage's `run` is passed: artifacts by path, the rest as it is."""
    calls: list[tuple[str, str, dict[str, str]]] = []

    def execute(stage: str, settings: str, **paths: str) -> None:
        calls.append((stage, settings, paths))
        raise SystemExit(2)

    monkeypatch.setattr(stage_execution, "execute", execute)
    function = component(stage).python_func
    parameters = inspect.signature(function).parameters
    arguments = {
        name: argument(name, parameter, tmp_path)
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
    }
    with pytest.raises(SystemExit):
        function(**arguments)
    ((called, settings, paths),) = calls
    assert (called, settings) == (stage, "text of settings" if "settings" in parameters else "{}")
    module = importlib.import_module(f"bertline.stages.{stage}")
    assert {"settings", *paths} == set(inspect.signature(module.run).parameters)
    for name, path in paths.items():
        place = str(tmp_path / name)
        assert path in (place, [place], f"text of {name}", f"text of {name}_root")


def argument(name: str, parameter: inspect.Parameter, folder: Path) -> object:
    """A text, an artifact or a list of one, as the annotation asks for."""
    if parameter.annotation is str:
        return f"text of {name}"
    artifact = dsl.Artifact(uri=str(folder / name))
    return [artifact] if "list" in str(parameter.annotation) else artifact


def test_a_tokenize_task_may_write_one_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []

    def execute(stage: str, settings: str, **paths: str) -> None:
        given.append(settings)

    monkeypatch.setattr(stage_execution, "execute", execute)
    artifacts = {name: dsl.Artifact(uri="x") for name in ("examples", "encoder", "features")}
    component("tokenize").python_func(settings='{"num_shards":3}', shard=2, **artifacts)
    assert given == ['{"num_shards": 3, "shard": 2}']


def test_evaluate_shows_the_results_and_returns_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = make_results(make_file("openvino_fp16"), make_file("openvino_int8"))
    verdict = judge(Gate(), measured)

    def execute(stage: str, settings: str, report: str, **paths: str) -> None:
        Path(report).mkdir()
        write_json(Path(report) / "metrics.json", measured.model_dump())
        write_json(Path(report) / "verdict.json", verdict.model_dump())
        (Path(report) / "report.html").write_text("<p>page</p>")

    monkeypatch.setattr(stage_execution, "execute", execute)
    function = component("evaluate").python_func
    names = [name for name in inspect.signature(function).parameters if name != "settings"]
    artifacts = {name: dsl.Artifact(uri=str(tmp_path / name)) for name in names}
    artifacts["metrics"] = dsl.Metrics(uri=str(tmp_path / "metrics"))
    matrices = [f"confusion_{kind}" for kind in ("float", "int8")]
    for name in matrices:
        artifacts[name] = dsl.ClassificationMetrics(uri=str(tmp_path / name))
    assert function(settings="{}", **artifacts) is verdict.blessed
    assert (tmp_path / "page").read_text() == "<p>page</p>"
    file = measured.files[0]
    assert artifacts["metrics"].metadata[f"{file.name}.slot_f1"] == file.metrics["slot_f1"]
    for name in matrices:
        shown = artifacts[name].metadata["confusionMatrix"]
        assert [each["displayName"] for each in shown["annotationSpecs"]] == [
            "PlayMusic",
            "RateBook",
        ]
        assert [row["row"] for row in shown["rows"]] == [[9, 1], [0, 10]]
    for name in ("metrics", *matrices):
        assert (tmp_path / name).is_file()


def test_comparisons_show_their_pages_and_return_what_is_to_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drift = Drift(
        name="toy",
        champion=None,
        seen_in=None,
        checks=check_data(Limits(), make_profile(leaked=0.9), None),
        fresh=make_profile(),
        reference=None,
    )
    measured = make_results(make_file("openvino_int8", slot_f1=1.0))
    verdict = judge(Gate(minimum={"slot_f1": 90}), measured)

    def execute(stage: str, settings: str, **paths: str) -> None:
        output, page = {
            "compare_data": ("drift", "drift.html"),
            "compare_models": ("compared", "report.html"),
        }[stage]
        folder = Path(paths[output])
        folder.mkdir()
        drift.write(folder)
        verdict.write(folder)
        (folder / page).write_text(f"<p>{stage}</p>")

    monkeypatch.setattr(stage_execution, "execute", execute)
    answers = {}
    for stage in ("compare_data", "compare_models"):
        function = component(stage).python_func
        names = [name for name in inspect.signature(function).parameters if name != "settings"]
        paths = {name: dsl.Artifact(uri=str(tmp_path / stage / name)) for name in names}
        (tmp_path / stage).mkdir()
        answers[stage] = function(settings="{}", **{**paths, "registry": "r"})
        assert (tmp_path / stage / "page").read_text() == f"<p>{stage}</p>"
    assert answers == {"compare_data": "refuse", "compare_models": False}
