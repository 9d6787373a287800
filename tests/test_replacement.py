import os
from pathlib import Path

import pytest

from bertline.artifacts import new_folder
from bertline.locks import take
from bertline.replacement import replace_folder, restore_folder


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "file").write_text(text)
    return path


def test_what_was_moved_away_by_a_killed_process_comes_back(tmp_path: Path) -> None:
    folder(tmp_path / ".model.0a1b2c3d.old", "before")
    with pytest.raises(RuntimeError), new_folder(tmp_path / "model"):
        raise RuntimeError
    assert (tmp_path / "model/file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_has_been_replaced_goes(tmp_path: Path) -> None:
    folder(tmp_path / "model", "after")
    folder(tmp_path / ".model.0a1b2c3d.old", "before")
    restore_folder(tmp_path / "model")
    assert (tmp_path / "model/file").read_text() == "after"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_process_is_about_to_replace_is_left_to_it(tmp_path: Path) -> None:
    old = folder(tmp_path / ".model.0a1b2c3d.old", "before")
    descriptor = os.open(old, os.O_RDONLY)
    assert take(descriptor)
    restore_folder(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == [old.name]
    os.close(descriptor)


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    replace_folder(folder(tmp_path / "new", "after"), folder(tmp_path / "model", "before"))
    assert (tmp_path / "model/file").read_text() == "after"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
