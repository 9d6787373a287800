"""`bertline predict` and `bertline diff` on a toy model (see tests/toy_model.py)."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bertline.artifacts import read_json, write_json
from pipelines.cli import main
from tests import toy_model
from tests.evaluation.test_light_install import HEAVY

PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model as openvino_int8, and as openvino_fp16 with a blind spot for slots."""
    path = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy_model, "save_tensorflow", lambda *paths: None)
        toy_model.write_toy_folder(path)
        blind = np.zeros_like(toy_model.TABLES["tag"])
        patch.setitem(toy_model.TABLES, "tag", blind)
        toy_model.save_openvino(path / "openvino_fp16/model.xml")
    exports = read_json(path / "exports.json")
    (int8,) = (file for file in exports["files"] if file["name"] == "openvino_int8")
    fp16 = {**int8, "name": "openvino_fp16", "path": "openvino_fp16/model.xml"}
    write_json(path / "exports.json", {"files": [int8, fp16]})
    return path


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "texts.jsonl"
    lines = ['{"id": "a", "text": "rate some"}', '"play jazz by miles davis"', '"play some"']
    file.write_text("\n".join(lines))
    return file


def test_predict_prints_intent_probability_and_slots(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--model", str(folder), "play some jazz", "rate"]) == 0
    probabilities = [1 / (1 + np.exp(-difference)) for difference in (2, 3)]
    assert capsys.readouterr().out.splitlines() == [
        "play some jazz",
        f"  intent: PlayMusic ({probabilities[0]:.3f})",
        "  genre: jazz",
        "rate",
        f"  intent: RateBook ({probabilities[1]:.3f})",
    ]


@pytest.mark.parametrize("file", ["openvino_fp16", "openvino_fp16/model.xml"])
def test_predict_takes_a_file_of_the_model(
    folder: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--model", str(folder / file), "play jazz"]) == 0
    assert "genre" not in capsys.readouterr().out


def test_predict_reads_and_writes_json_lines(
    folder: Path, texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "answers.jsonl"
    options = ["--model", str(folder), "--input", str(texts), "--output", str(output)]
    assert main(["predict", *options]) == 0
    answers = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(answer["id"], answer["intent"]) for answer in answers] == [
        ("a", "RateBook"),
        ("2", "PlayMusic"),
        ("3", "PlayMusic"),
    ]
    assert answers[1]["slots"] == [
        {"label": "genre", "start": 5, "end": 9, "text": "jazz"},
        {"label": "artist", "start": 13, "end": 24, "text": "miles davis"},
    ]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "predict 3/3 100% texts" in captured.err


def test_predict_streams_to_standard_output(
    folder: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--model", str(folder), "--input", str(texts)]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == [
        "a",
        "2",
        "3",
    ]


def test_predict_reads_standard_input(
    folder: Path, texts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with texts.open(encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert main(["predict", "--model", str(folder), "--input", "-"]) == 0
    captured = capsys.readouterr()
    assert [json.loads(line)["id"] for line in captured.out.splitlines()] == ["a", "2", "3"]
    assert ">> predict 3 texts" in captured.err


def test_predict_does_not_write_over_what_it_reads(
    folder: Path, texts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = texts.read_bytes()
    (texts.parent / "hard").hardlink_to(texts)
    (texts.parent / "soft").symlink_to(texts)
    monkeypatch.chdir(texts.parent)
    outputs = ("texts.jsonl", "hard", "soft", f"../{texts.parent.name}/texts.jsonl")
    with texts.open(encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        for source, output in itertools.product((str(texts), "texts.jsonl", "-"), outputs):
            # The model does not exist: nothing is opened before the paths are compared.
            options = ["--model", "/nowhere", "--input", source, "--output", output]
            assert main(["predict", *options]) == 2
            error = f"error: {output}: --output is the file of --input; give another one\n"
            assert capsys.readouterr().err == error
    assert texts.read_bytes() == before


def test_predict_leaves_nothing_half_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "texts.jsonl"
    bad.write_text('"play"\n{"txt": 1}\n')
    options = ["--model", str(folder), "--input", str(bad), "--output", str(tmp_path / "out")]
    assert main(["predict", *options]) == 2
    assert f"error: {bad}:2: expected" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["texts.jsonl"]


def test_diff_lists_what_differs(
    folder: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(folder / "openvino_int8"), str(folder / "openvino_fp16")]
    assert main(["diff", *files, "--data", str(texts)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2: play jazz by miles davis",
        "  - intent: PlayMusic (0.881); genre: jazz; artist: miles davis",
        "  + intent: PlayMusic (0.881)",
        "1 of 3 answers differ",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "--model", "{folder}"], "give either texts or --input FILE"),
        (
            ["predict", "--model", "{folder}", "play", "--output", "x"],
            "--output is for the answers of --input; leave it out",
        ),
        (
            ["predict", "--model", "{folder}/openvino_int7", "play"],
            "{folder}/openvino_int7: no exported file 'openvino_int7'; did you mean "
            "'openvino_int8'?",
        ),
        (
            ["predict", "--model", "/nowhere", "play"],
            "/nowhere: no such file or folder, and no model (no exports.json) above it; correct "
            "the path",
        ),
        (
            ["predict", "--model", "{folder}", "play", "--context", "some jazz"],
            "{folder}: the model reads one text; leave --context out",
        ),
        (
            ["predict", "--model", "{folder}", "--input", "x.jsonl", "--context", "some jazz"],
            "--context is for texts; with --input give it in each line",
        ),
        (
            ["predict", "--model", "{folder}", "play", " "],
            "text 2 (' ') has no words; leave it out",
        ),
        (
            ["predict", "--model", "{folder}", "--input", "/nowhere.jsonl"],
            "/nowhere.jsonl: No such file or directory; give a file of JSON lines",
        ),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.format(folder=folder) for argument in arguments]) == 2
    assert capsys.readouterr().err == f"error: {message.format(folder=folder)}\n"


ABSENT = """
import importlib.abc
import sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(each + ".") for each in sys.argv[1].split(",")):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
from pipelines.cli import main
sys.exit(main(sys.argv[2:]))
"""


def test_predict_needs_a_light_installation_only(folder: Path) -> None:
    heavy = ",".join([*HEAVY, "rich", "ai_edge_litert"])
    command = [sys.executable, "-c", ABSENT, heavy, "predict", "--model", str(folder), "play jazz"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "genre: jazz" in done.stdout


def test_reader_that_leaves_is_no_error(folder: Path, texts: Path) -> None:
    texts.write_text('"play some jazz"\n' * 3000)
    command = f"{sys.executable} -m pipelines.cli predict --model {folder} --input {texts}"
    done = subprocess.run(
        ["bash", "-c", f"{command} 2>{texts}.err | head -1; echo ${{PIPESTATUS[0]}}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[1] == "0"
    assert "Traceback" not in Path(f"{texts}.err").read_text()
