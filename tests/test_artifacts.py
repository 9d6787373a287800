import errno
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from bertline import artifacts
from bertline.artifacts import MANIFEST, digest, new_artifact, new_folder, read_manifest
from bertline.errors import ConfigError, DataError, StorageError


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def write_artifact(path: Path, text: str = "one", **about: Any) -> Path:
    with new_artifact(path, "examples", about) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a.txt").write_text(text)
    return path


def test_manifest_lists_kind_facts_and_hashes(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "deep" / "examples", task="snips")
    manifest = read_manifest(path, "examples")
    assert manifest.about == {"task": "snips"}
    assert manifest.files == {"sub/a.txt": hashlib.sha256(b"one").hexdigest()}
    assert names(tmp_path / "deep") == ["examples", f"examples/{MANIFEST}", "examples/sub",
                                        "examples/sub/a.txt"]  # fmt: skip


def test_about_may_be_filled_inside_the_block(tmp_path: Path) -> None:
    about: dict[str, Any] = {}
    with new_artifact(tmp_path / "a", "examples", about):
        about["count"] = 3
    assert read_manifest(tmp_path / "a", "examples").about == {"count": 3}


def test_the_digest_is_that_of_the_contents(tmp_path: Path) -> None:
    first = digest(write_artifact(tmp_path / "a"))
    assert digest(write_artifact(tmp_path / "b")) == first
    assert digest(write_artifact(tmp_path / "a", "two")) != first
    assert digest(write_artifact(tmp_path / "a", task="snips")) != first


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("make", [new_folder, lambda path: new_artifact(path, "examples")])
def test_an_exception_inside_changes_nothing(
    tmp_path: Path, make: Any, error: type[BaseException]
) -> None:
    for path in (tmp_path / "new", write_artifact(tmp_path / "old")):
        before = names(tmp_path)
        with pytest.raises(error), make(path) as folder:
            (folder / "half").write_text("half")
            raise error
        assert names(tmp_path) == before
    assert (tmp_path / "old" / "sub" / "a.txt").read_text() == "one"


def test_what_stood_there_is_replaced(tmp_path: Path) -> None:
    write_artifact(tmp_path / "a")
    with new_folder(tmp_path / "a") as folder:
        (folder / "b").write_text("b")
    assert names(tmp_path) == ["a", "a/b"]


def test_a_folder_that_cannot_be_moved_in_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_artifact(tmp_path / "a")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".tmp":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StorageError, match=r"a: cannot be written \(Permission denied\)"):
        write_artifact(tmp_path / "a", "two")
    assert (tmp_path / "a" / "sub" / "a.txt").read_text() == "one"
    assert len(list(tmp_path.iterdir())) == 1


def test_where_folders_cannot_be_renamed_the_manifest_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a bucket that Cloud Storage FUSE mounts."""
    moved: list[str] = []
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.is_dir():
            raise OSError(errno.EMFILE, "Too many open files")
        moved.append(self.name)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    for text in ("one", "two"):
        path = write_artifact(tmp_path / "a", text)
        assert moved[-2:] == ["a.txt", MANIFEST]
        assert read_manifest(path, "examples").files == {
            "sub/a.txt": hashlib.sha256(text.encode()).hexdigest()
        }
        assert (path / "sub" / "a.txt").read_text() == text
        assert len(list(tmp_path.iterdir())) == 1


def test_a_move_that_fails_midway_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_artifact(tmp_path / "a")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.is_dir():
            raise OSError(errno.EMFILE, "Too many open files")
        if self.name == MANIFEST and self.parent.suffix == ".tmp":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StorageError, match=r"a: cannot be written \(No space left on device\)"):
        write_artifact(tmp_path / "a", "two")
    assert (tmp_path / "a" / "sub" / "a.txt").read_text() == "one"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_artifact_of_the_kind_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a bertline model folder \(no manifest.json\)"):
        read_manifest(tmp_path, "model")
    path = write_artifact(tmp_path / "a")
    with pytest.raises(DataError, match="holds 'examples', expected 'model'; give another folder"):
        read_manifest(path, "model")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", DataError, "malformed JSON"),
        ("[]", DataError, "expected a JSON object"),
        ('{"kind": "examples"}', ConfigError, "key 'files' is missing"),
        (
            '{"kind": "examples", "files": {}, "format_version": 99}',
            DataError,
            "format version 99, this bertline reads 1; write it again with this version",
        ),
    ],
)
def test_a_bad_manifest_is_told(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(error, match=message):
        read_manifest(tmp_path, "examples")


def test_write_text_is_whole_or_not_at_all(tmp_path: Path) -> None:
    artifacts.write_text(tmp_path / "a", "é")
    with pytest.raises(UnicodeEncodeError):
        artifacts.write_text(tmp_path / "a", "\ud800")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "é"
    assert names(tmp_path) == ["a"]


def test_write_json_refuses_what_json_has_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        artifacts.write_json(tmp_path / "a.json", {"loss": float("nan")})
    artifacts.write_json(tmp_path / "a.json", {"text": "é"})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"text": "é"}
    assert names(tmp_path) == ["a.json"]


def test_read_json_tells_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file; the folder is not complete"):
        artifacts.read_json(tmp_path / "a.json")


def test_a_full_disk_is_named_by_what_was_to_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left") as raised,
        new_folder(tmp_path / "model") as folder,
    ):
        # As `shutil.copyfile` raises it.
        written = str(folder / "vocab.txt")
        raise OSError(errno.ENOSPC, "No space left on device", "/elsewhere/source", None, written)
    assert raised.value.filename2 == str(tmp_path / "model" / "vocab.txt")
