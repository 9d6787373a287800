from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.flags import recipe_of
from pipelines.recipe import load_recipe

Captured = pytest.CaptureFixture[str]
COMMAND = "python3 run_squad.py --do_train --max_seq_length=256"


def test_the_recipe_is_printed(capsys: Captured) -> None:
    assert main(["import-flags", COMMAND]) == 0
    printed = capsys.readouterr().out
    assert printed == recipe_of(COMMAND).text
    assert printed.startswith(f"# imported from\n#   {COMMAND}\n#\n# --do_train: always; ")


def test_the_recipe_is_written_where_run_finds_it(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "squad.yaml"
    assert main(["import-flags", COMMAND, "-o", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert load_recipe(str(file)).stages["tokenize"]["max_seq_length"] == 256


def test_a_wrong_flag_is_one_line(capsys: Captured) -> None:
    assert main(["import-flags", "run_squad.py --max_seq_len=256"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    message = "run_squad: unknown flag --max_seq_len; did you mean 'max_seq_length'?"
    assert captured.err == f"error: {message}\n"
