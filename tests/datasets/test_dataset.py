import os
from collections import Counter
from pathlib import Path

import pytest

from bertline.datasets.dataset import decoded, files_below, unread
from bertline.errors import DataError


@pytest.mark.parametrize(
    ("raw", "text", "lines"),
    [
        (b"caf\xc3\xa9", "café", 0),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "café", 0),
        # One line of another encoding does not spoil the others.
        (b"caf\xc3\xa9\ncaf\xe9\n", "café\ncafé\n", 1),
        (b"good\x97bad \x93fine\x94 it\x92s\x85", "good—bad “fine” it’s…", 1),
        # Windows leaves five bytes undefined.
        (b"\x81\x8d\x8f\x90\x9d\xff", "\x81\x8d\x8f\x90\x9dÿ", 1),
    ],
)
def test_lines_are_utf8_or_windows_1252(raw: bytes, text: str, lines: int) -> None:
    counts: Counter[str] = Counter()
    assert decoded(raw, counts) == text
    assert (counts["cp1252_files"], counts["cp1252_lines"]) == (int(lines > 0), lines)


def make(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return [folder / name for name in names]


def test_hidden_files_and_folders_are_not_files_below(tmp_path: Path) -> None:
    read = make(tmp_path, "a/x.txt", "b.txt")
    make(tmp_path, "a/._x.txt", "c.md")
    (tmp_path / "d.txt").mkdir()
    assert files_below(tmp_path, "*.txt") == read


def test_what_is_no_regular_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    with pytest.raises(DataError, match=r"a\.txt: is a named pipe; give a reg"):
        files_below(tmp_path, "*.txt")
    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"a\.txt: is a broken link; give a reg"):
        files_below(tmp_path, "*.txt")


def test_what_is_not_read_is_named_by_file_or_folder(tmp_path: Path) -> None:
    read = make(tmp_path, "a/b/x", "a/y")
    make(tmp_path, "a/z", "a/c/1", "a/c/2", "README.md", "LICENSE", ".hidden")
    assert unread(tmp_path, read) == {"unread": 2, "unread_names": ["a/c/", "a/z"]}


def test_the_first_20_of_what_is_not_read_are_named(tmp_path: Path) -> None:
    read = make(tmp_path, "x")
    make(tmp_path, *(f"a{number:02d}" for number in range(25)))
    found = unread(tmp_path, read)
    assert (found["unread"], len(found["unread_names"])) == (25, 20)
