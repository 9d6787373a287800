import os
import time
from pathlib import Path

import pytest

from bertline import leftovers
from bertline.leftovers import FOREIGN_SECONDS, held_file, held_folder, sweep, temporary_folder


def left(parent: Path, name: str, kernel: str | None = None) -> Path:
    """What a process that was killed has left."""
    path = parent / f".{name}.{kernel or leftovers._kernel()}-0a1b2c3d.tmp"
    path.mkdir()
    (path / "weights").write_text("half")
    return path


def test_a_folder_is_there_for_a_block(tmp_path: Path) -> None:
    with held_folder(tmp_path, "model") as folder:
        (folder / "file").touch()
        assert folder.parent == tmp_path
        assert folder.name.startswith(".model.")
    assert list(tmp_path.iterdir()) == []


def test_what_was_moved_stays(tmp_path: Path) -> None:
    with held_folder(tmp_path, "model") as folder:
        folder.rename(tmp_path / "model")
    with held_file(tmp_path, "file") as file:
        file.replace(tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "model"]


def test_what_nobody_holds_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with held_folder(tmp_path, "model") as live, held_file(tmp_path, "latest") as file:
        dead = [left(tmp_path, name) for name in ("model", "mod*l")]
        (tmp_path / ".model.notes.tmp").mkdir()  # not named by us
        (tmp_path / "model").mkdir()
        sweep(tmp_path, "mod*l")
        assert [path.exists() for path in dead] == [True, False]
        with held_folder(tmp_path, "model") as second:
            assert [path.exists() for path in dead] == [False, False]
            sweep(tmp_path)
            assert live.is_dir()
            assert second.is_dir()
            assert file.is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".model.notes.tmp", "model"]


def test_a_file_that_nobody_holds_is_removed(tmp_path: Path) -> None:
    file = tmp_path / f".latest.{leftovers._kernel()}-0a1b2c3d.tmp"
    file.touch()
    sweep(tmp_path)
    assert not file.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    link = tmp_path / f".model.{leftovers._kernel()}-0a1b2c3d.tmp"
    link.symlink_to(tmp_path / "outside")
    sweep(tmp_path)
    assert (tmp_path / "outside").is_dir()


def test_what_another_kernel_made_goes_by_its_age(tmp_path: Path) -> None:
    young, old = left(tmp_path, "model", "00ff00ff"), left(tmp_path, "old", "00ff00ff")
    past = time.time() - FOREIGN_SECONDS - 60
    os.utime(old, (past, past))
    sweep(tmp_path)
    assert (young.exists(), old.exists()) == (True, False)


def test_temporary_folders_of_killed_processes_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = left(tmp_path, "bertline")
    with temporary_folder() as first, temporary_folder() as second:
        assert not dead.exists()
        assert first.is_dir()
        assert second.is_dir()
    assert list(tmp_path.iterdir()) == []
