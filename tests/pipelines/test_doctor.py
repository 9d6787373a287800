import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bertline import __version__
from bertline.artifacts import write_json
from bertline.export.instruction_sets import find_instruction_set
from bertline.export.listing import ExportedFile, Exports
from pipelines import doctor as module
from pipelines.cli import main
from pipelines.doctor import VALUES, Doubled, Finding, computes, examine

Captured = pytest.CaptureFixture[str]


def right() -> Doubled:
    return Doubled("1.2", 2 * VALUES, ["CPU", "GPU.0"])


def wrong() -> Doubled:
    return Doubled("1.2", VALUES, ["CPU"])


def broken() -> Doubled:
    raise ImportError("libcuda.so.1: cannot open\nshared object file")


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """One that computes and one that is not installed."""
    table: dict[str, object] = {"works": ("json", right), "other": ("not_installed", broken)}
    monkeypatch.setattr(module, "RUNTIMES", table)
    return table


@pytest.mark.parametrize("name", ["tensorflow", "openvino", "litert"])
def test_runtimes_really_compute(name: str) -> None:
    _, double = module.RUNTIMES[name]
    found = double()
    np.testing.assert_array_equal(found.values, [2.0, 4.0])
    assert found.version.count(".") >= 2
    assert any("CPU" in device for device in found.devices)


def test_wrong_result_is_a_failure() -> None:
    with pytest.raises(RuntimeError, match=r"1\.2 doubles \[1\.0, 2\.0\] to \[1\.0, 2\.0\]"):
        computes(wrong)


def test_accelerator_that_is_installed_for_and_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_cpu() -> Doubled:
        return Doubled("1.2", 2 * VALUES, ["/device:CPU:0", "cpu:1"])

    table = {"works": ("json", right), "blind": ("json", on_cpu), "small": ("json", on_cpu)}
    monkeypatch.setattr(module, "RUNTIMES", table)
    kinds = {"not_installed": "TPU", "json": "GPU"}
    monkeypatch.setattr(module, "ACCELERATORS", {"works": kinds, "blind": kinds})
    found = {finding.name: finding for finding in examine(Path())}
    seen = "1.2 computes; sees /device:CPU:0, cpu:1"
    assert found["works"].text == "1.2 computes; sees CPU, GPU.0"
    assert found["blind"] == Finding("blind", True, f"{seen}, no GPU: it would train on the CPU")
    assert found["small"].text == seen


def test_line_a_check(runtimes: dict[str, object], tmp_path: Path, capsys: Captured) -> None:
    assert main(["doctor", "--root", str(tmp_path / "runs")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"ok      bertline      {__version__}"
    assert lines[1].startswith("ok      python        3.1")
    assert "kfp 2.17.0" in lines[2]
    here = find_instruction_set("openvino").name
    assert lines[3].startswith(f"ok      processor     {here}")
    assert "OpenVINO INT8 is right in " in lines[3]
    assert lines[4] == "ok      works         1.2 computes; sees CPU, GPU.0"
    assert lines[5] == "absent  other         not installed"
    assert lines[6].startswith(f"ok      work folder   {tmp_path}: ")
    assert len(lines) == 7
    assert list(tmp_path.iterdir()) == []


def test_models_judged_on_another_processor_are_named(
    runtimes: dict[str, object], tmp_path: Path
) -> None:
    version = tmp_path / "registry/snips/3"
    version.mkdir(parents=True)
    (version.parent / "latest").write_text("3\n")
    file = ExportedFile(
        name="litert_int8",
        runtime="litert",
        precision="int8",
        path="litert_int8.tflite",
        size_bytes=1,
        seconds=0,
    )
    Exports(files=(file,)).write(version)
    for judged, count in ((find_instruction_set("litert").name, 0), ("another", 1)):
        files = [{"name": file.name, "instruction_set": judged}]
        write_json(version / "verdict.json", {"files": files})
        notes = [finding for finding in examine(tmp_path) if finding.name == "model"]
        assert len(notes) == count
    assert notes[0].text.startswith("snips: litert_int8: judged on another, runs on ")


def test_failures_are_named_and_give_exit_code_1(
    runtimes: dict[str, object], tmp_path: Path, capsys: Captured
) -> None:
    runtimes["bad"] = ("json", wrong)
    runtimes["worse"] = ("json", broken)
    assert main(["doctor", "--root", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "FAILED  bad           RuntimeError: 1.2 doubles" in shown.out
    assert "FAILED  worse         ImportError: libcuda.so.1: cannot open shared object file" in (
        shown.out.splitlines()
    )
    assert shown.err == "error: failed: bad, worse; the lines above tell why\n"


def test_folder_that_cannot_be_written(
    runtimes: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(dir: Path) -> object:
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    *_, finding = examine(tmp_path / "runs")
    assert finding.name == "work folder"
    assert finding.ok is False
    assert str(tmp_path) in finding.text


def test_python_of_another_version(
    runtimes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PYTHONS", ((3, 99), (3, 99)))
    found = {finding.name: finding for finding in examine(Path())}
    assert found["python"] == Finding("python", False, found["python"].text)


def test_imports_nothing_heavy_before_it_checks() -> None:
    code = "import pipelines.doctor, sys; print([m for m in sys.modules if m in %r])"
    heavy = ["tensorflow", "jax", "openvino", "ai_edge_litert", "kfp", "keras"]
    done = subprocess.run([sys.executable, "-c", code % heavy], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
