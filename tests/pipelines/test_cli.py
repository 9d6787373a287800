import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bertline.artifacts import new_artifact, write_json
from bertline.errors import StageError
from bertline.evaluation.gate import Gate, judge
from bertline.modeling.checkpoints.known import KNOWN
from bertline.publishing.registry import add_version, read_latest
from pipelines import run as run_module
from pipelines.cli import main
from pipelines.recipe import PIPELINES, PROJECT, Recipe, recipe_names
from pipelines.run import Result
from tests.evaluation.sample_results import make_file, make_results
from tests.storage.gcs_server import Cloud

STAGES = PIPELINES["train"]
Captured = pytest.CaptureFixture[str]


def test_recipes_are_listed(capsys: Captured) -> None:
    assert main(["recipes"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == recipe_names()


@pytest.mark.parametrize(
    "command", ["--help", "submit --help", "schedules list --help", "recipes", "checkpoints"]
)
def test_short_commands_import_nothing_heavy(command: str) -> None:
    code = (
        "import sys\nfrom pipelines.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'kfp', 'kfp_server_api', 'google', 'docker', 'keras', 'numpy', 'tokenizers'}\n"
        "print('heavy:', *heavy & {name.partition('.')[0] for name in sys.modules})"
    )
    line = [sys.executable, "-c", code, *command.split()]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "heavy:"


ABSENT = """
import importlib.abc
import sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from pipelines.cli import main
sys.exit(main(sys.argv[2:]))
"""
NOT_IN_LITERT = "docker,google,jinja2,keras,kfp,kubernetes,openvino,safetensors,tensorflow,yaml"


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("run snips", "kfp"),
        ("recipes", "yaml"),
        ("compile snips -o x.yaml", "yaml"),
        ("submit snips --target kind", "yaml"),
        ("schedules list --target kind", "yaml"),
        ("convert packaged -o x", "safetensors"),
        ("import-flags run_squad.py", "yaml"),
    ],
)
def test_a_missing_package_is_told_with_its_extra(
    command: str, package: str, tmp_path: Path
) -> None:
    line = [sys.executable, "-c", ABSENT, NOT_IN_LITERT, *command.split()]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: the package {package} is not installed; pip install 'bertline[pipeline]'\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compile", "snips", "-o", ""], "argument -o/--output: is empty; give a value"),
        (["compile", "snips", "--output="], "argument -o/--output: is empty; give a value"),
        (["run", "snips", "--data", ""], "argument --data: is empty; give a value"),
        (["run", "snips", "--root", ""], "argument --root: is empty; give a value"),
        (["run", ""], "argument RECIPE: is empty; give a value"),
        (["predict", "--model", "x", "--device", "", "a"], "argument --device: is empty; give"),
        (["predict", "--model", "x", ""], "argument TEXT: is empty; give a value"),
        (["run", "snips", "--num-shards", "9" * 5000], "argument --num-shards: invalid int value"),
        (["rnu"], "argument COMMAND: invalid choice: 'rnu' (choose from"),
        (["run", "-q", "-v", "snips"], "argument -v/--verbose: not allowed with argument -q"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line(
    arguments: list[str], message: str, capsys: Captured
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {message}")
    assert len(captured.err.splitlines()) == 1
    assert len(captured.err) < 300


def run_command(*arguments: str | bytes, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **variables}
    line = [sys.executable, "-m", "pipelines.cli", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, encoding="latin-1")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_bytes_that_are_no_text_are_refused(encoding: str) -> None:
    done = run_command("compile", "snips", "-o", b"/tmp/\xff.yaml", PYTHONIOENCODING=encoding)
    assert done.returncode == 2
    assert done.stderr.startswith("error: argument 4 ('/tmp/\\udcff.yaml'): not valid utf-8; ")


def test_a_terminal_that_cannot_show_a_letter_is_no_reason_to_stop() -> None:
    done = run_command("import-flags", "run_squad.py --output_dir=Größe", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "--output_dir=Gr\\xf6\\xdfe" in done.stdout


@pytest.mark.parametrize(
    "value",
    ["9" * 5000, "[" * 5000, "{a: 1, a: 2}", "010", "-1", "1e400", ".nan", "yes", "1:30"],
)
def test_values_that_are_none_stop_before_anything_starts(
    value: str, tmp_path: Path, capsys: Captured
) -> None:
    root = tmp_path / "runs"
    assert main(["run", "snips", "--set", f"finetune.seed={value}", "--root", str(root)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1
    assert len(error) < 300
    assert not root.exists()


def test_known_checkpoints_are_listed(capsys: Captured) -> None:
    assert main(["checkpoints"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ["name", *KNOWN]


def test_compile_writes_ir_with_the_settings(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "snips.yaml"
    assert main(["compile", "snips", "-o", str(file), "--set", "finetune.num_epochs=7"]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    ir = yaml.safe_load(file.read_text())
    parameters = ir["root"]["inputDefinitions"]["parameters"]
    assert set(parameters) == {"work_root", "registry", *(f"{stage}_settings" for stage in STAGES)}
    assert '"num_epochs":7' in parameters["finetune_settings"]["defaultValue"]


def test_compile_needs_a_folder_to_write_in(tmp_path: Path, capsys: Captured) -> None:
    assert main(["compile", "snips", "-o", str(tmp_path / "missing/snips.yaml")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "No such file or directory" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["snip"], "unknown recipe 'snip'; did you mean 'snips'?"),
        (
            ["snips", "--set", "finetune.num_epoch=1"],
            "recipe snips: finetune: unknown key 'num_epoch'; did you mean 'num_epochs'?",
        ),
        (
            ["snips", "--set", "num_epochs"],
            "'num_epochs': expected STAGE.KEY=VALUE, such as finetune.num_epochs=1",
        ),
        (
            ["snips", "--set", "target.retries=1"],
            "target.retries=1: there is no target; give one with --target",
        ),
        (
            ["snips-bert-base"],
            "recipe snips-bert-base: import_checkpoint.checkpoint is not set (the folder of a "
            "BERT-Base from Google or Hugging Face); give --set import_checkpoint.checkpoint=VALUE",
        ),
        (
            ["snips", "--beam-runner", "dataflow", "--beam-options=--project=a-b --region=x-y"],
            "tokenize.beam_options: dataflow needs --temp_location, --sdk_container_image (of "
            "workers that have bertline); give what is missing",
        ),
        (
            ["snips", "--beam-options=--paralelism=2"],
            "tokenize.beam_options: unknown option '--paralelism=2'; did you mean '--parallelism'?",
        ),
    ],
)
def test_wrong_recipes_stop_before_anything_starts(
    arguments: list[str], message: str, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["run", *arguments, "--root", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
    assert not (tmp_path / "runs").exists()


def test_missing_data_is_one_line(tmp_path: Path, capsys: Captured) -> None:
    options = ["--data", str(tmp_path / "missing"), "--root", str(tmp_path / "runs")]
    assert main(["run", "snips", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert str(tmp_path / "missing") in captured.err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted; run the same command again to continue"),
        (StageError("tokenize: too bad"), 1, "tokenize: too bad"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/runs/log"),
            1,
            "/runs/log: No space left on device; free space there and run the same command again",
        ),
    ],
)
def test_failures_are_one_line(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    def fail(*arguments: object) -> Result:
        raise error

    monkeypatch.setattr(run_module, "run", fail)
    assert main(["run", "snips"]) == code
    assert capsys.readouterr().err == f"error: {message}\n"


def test_data_and_assignments_reach_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Recipe] = []

    def note(recipe: Recipe, *others: object) -> Result:
        given.append(recipe)
        raise StageError("enough")

    monkeypatch.setattr(run_module, "run", note)
    assert main(["run", "snips", "--data", "/my/#1: data", "--set", "finetune.seed=3"]) == 1
    assert given[0].stages["ingest"]["source"] == "/my/#1: data"
    assert given[0].stages["finetune"]["seed"] == 3


def test_options_of_beam_with_an_open_quote_are_refused(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "snips", "--beam-options=--job_name='a b"])
    assert ended.value.code == 2
    assert "argument --beam-options: invalid split value" in capsys.readouterr().err


def test_flags_of_beam_are_settings_of_tokenize(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Recipe] = []

    def note(recipe: Recipe, *others: object) -> Result:
        given.append(recipe)
        raise StageError("enough")

    monkeypatch.setattr(run_module, "run", note)
    options = "--beam-options=--flink_master=h:8081 --job_name='a b'"
    assert main(["run", "snips", "--beam-runner", "flink", options, "--num-shards", "4"]) == 1
    tokenize = given[0].stages["tokenize"]
    assert tokenize["beam_runner"] == "flink"
    assert tokenize["beam_options"] == ["--flink_master=h:8081", "--job_name=a b"]
    assert tokenize["num_shards"] == 4


def result_of(folder: Path, blessed: bool, **published: object) -> Result:
    """What a run left whose model is blessed or not."""
    measured = make_results(make_file("openvino_int8", slot_f1=90))
    verdict = judge(Gate(minimum={"slot_f1": 85 if blessed else 95}), measured)
    with new_artifact(folder / "report", "report") as report:
        write_json(report / "metrics.json", measured.model_dump())
        write_json(report / "verdict.json", verdict.model_dump())
    about = {"name": "snips", "version": None, "path": None, "reasons": [], **published}
    with new_artifact(folder / "published", "published", about):
        pass
    return Result(folder / "report", folder / "published", folder / "exported")


@pytest.mark.parametrize(
    ("blessed", "published", "told"),
    [
        (
            True,
            {"version": 1, "path": "/registry/snips/1", "latest": 1},
            ["published: /registry/snips/1"],
        ),
        (
            True,
            {"version": 1, "path": "/registry/snips/1", "latest": 3},
            ["published: /registry/snips/1; version 3 is the latest"],
        ),
        (
            True,
            {"reasons": ["it is version 2, which was rolled back"]},
            [
                "published: nothing: it is version 2, which was rolled back",
                "model: FOLDER/exported",
                'to use it anyway: bertline predict --model FOLDER/exported "TEXT"',
            ],
        ),
        (
            False,
            {},
            [
                "published: nothing",
                "model: FOLDER/exported",
                'to use it anyway: bertline predict --model FOLDER/exported "TEXT"',
            ],
        ),
    ],
)
def test_verdict_is_a_result(
    blessed: bool,
    published: dict[str, object],
    told: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    result = result_of(tmp_path, blessed, **published)
    monkeypatch.setattr(run_module, "run", lambda *arguments: result)
    assert main(["run", "snips"]) == 0
    *lines, report = capsys.readouterr().out.replace(str(tmp_path), "FOLDER").splitlines()
    assert lines[-len(told) :] == told
    assert report == "report: FOLDER/report/report.html"
    assert any(line.startswith("BLESSED" if blessed else "NOT BLESSED") for line in lines)
    assert main(["run", "snips", "--require-blessed"]) == (0 if blessed else 1)
    refusal = "error: the model is not blessed, and --require-blessed was given\n"
    assert capsys.readouterr().err == ("" if blessed else refusal)


def test_a_pipeline_without_a_verdict_cannot_be_asked_for_one(capsys: Captured) -> None:
    assert main(["run", "convert", "--require-blessed"]) == 2
    message = "error: recipe convert: its pipeline judges no model; leave --require-blessed out\n"
    assert capsys.readouterr().err == message


def test_rollback_moves_latest(tmp_path: Path, capsys: Captured) -> None:
    model = tmp_path / "snips"
    for source in ("one", "two", "three"):
        add_version(model, source, lambda folder: (folder / "model.json").touch())
    options = ["--registry", str(tmp_path)]
    assert main(["rollback", "snips", *options]) == 0
    assert read_latest(model) == 2
    assert main(["rollback", "snips", *options, "--to", "1"]) == 0
    assert read_latest(model) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"snips: version {number} is the latest; higher ones are withdrawn" for number in (2, 1)
    ]
    assert main(["rollback", "snips", *options]) == 2
    assert main(["rollback", "snips", *options, "--to", "9"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {model}: no version before the latest; publish another one first",
        f"error: {model}: no version 9; there are: 1, 2, 3",
    ]


def test_rollback_in_a_bucket(cloud: Cloud, capsys: Captured) -> None:
    model = "gs://data/registry/snips"
    for source in ("one", "two"):
        add_version(model, source, lambda folder: (folder / "model.json").touch())
    assert main(["rollback", "snips", "--registry", "gs://data/registry"]) == 0
    assert cloud.objects()["registry/snips/latest"] == b"1\n"
    assert main(["rollback", "snips", "--registry", "gs://data/registry/"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "snips: version 1 is the latest; higher ones are withdrawn\n"
    last = captured.err.splitlines()[-1]  # after the progress of the uploads
    assert last == f"error: {model}: no version before the latest; publish another one first"
