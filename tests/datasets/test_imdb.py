from pathlib import Path

import pytest

from bertline.datasets import imdb
from bertline.errors import DataError
from bertline.examples import LabelledText

FILES = {
    "train/pos/10_9.txt": b"Good.",
    "train/pos/9_10.txt": b"Great<br /><br />fun.",
    "train/neg/0_2.txt": "Café was bad.".encode(),
    "test/pos/0_7.txt": b"Fine.",
    "test/neg/1_1.txt": b"Awful.",
}


def layout(folder: Path, **changed: bytes) -> Path:
    """`folder` with FILES below aclImdb; changed: path with "__" for "/" → content."""
    others = {f"{name.replace('__', '/')}.txt": content for name, content in changed.items()}
    for name, content in {**FILES, **others}.items():
        file = folder / "aclImdb" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def test_reviews_in_order_of_class_and_id(tmp_path: Path) -> None:
    dataset = imdb.read(layout(tmp_path))
    assert dataset.train == [
        LabelledText("train/neg/0_2", "Café was bad.", "Negative"),
        LabelledText("train/pos/9_10", "Great  fun.", "Positive"),
        LabelledText("train/pos/10_9", "Good.", "Positive"),
    ]
    assert [example.id for example in dataset.test] == ["test/neg/1_1", "test/pos/0_7"]
    assert dataset.report == {"latin1_files": 0, "latin1_lines": 0, "line_breaks": 2}
    assert imdb.read(tmp_path / "aclImdb") == dataset


def test_line_breaks_in_any_spelling_are_spaces_and_other_tags_stay(tmp_path: Path) -> None:
    text = b"a<br />b<BR>c< br/ >d<Br\t/>e</br>f<hr>g<break>h <3 br>i"
    dataset = imdb.read(layout(tmp_path, train__neg__0_2=text))
    assert dataset.train[0].content == "a b c d e</br>f<hr>g<break>h <3 br>i"
    assert dataset.report["line_breaks"] == 4 + 2


def test_what_is_not_utf8_is_latin1_and_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    latin1, marked = "Café.".encode("latin-1"), "\ufeffCafé.".encode()
    dataset = imdb.read(layout(tmp_path, train__neg__0_2=latin1, train__pos__9_10=marked))
    assert [example.content for example in dataset.train[:2]] == ["Café.", "Café."]
    assert dataset.report == {"latin1_files": 1, "latin1_lines": 1, "line_breaks": 0}


def test_other_folders_and_files_are_not_read(tmp_path: Path) -> None:
    dataset = imdb.read(layout(tmp_path))
    others = {"train__unsup__0_0": b"", "train__pos__notes": b"", "train__pos___9_10": b"\0"}
    assert imdb.read(layout(tmp_path, **others)) == dataset


@pytest.mark.parametrize("content", [b"", b" \n", b"<br />", b"\xef\xbb\xbf"])
def test_a_review_without_text_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"train/pos/10_9\.txt: no text; remove the file or"):
        imdb.read(layout(tmp_path, train__pos__10_9=content))


@pytest.mark.parametrize("name", ["train/pos", "train/neg", "test/pos", "test/neg"])
def test_a_missing_empty_or_second_class_folder_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="no folder train/neg below it; give a folder with aclI"):
        imdb.read(tmp_path)
    folder = layout(tmp_path) / "aclImdb" / name
    (tmp_path / "copy" / name).mkdir(parents=True)
    with pytest.raises(DataError, match=f"copy/{name}: {name} is also in .*; give one of them"):
        imdb.read(tmp_path)
    (tmp_path / "copy" / name).rmdir()
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(DataError, match=f"{name}: no review in it; expected files ID_RATING.txt"):
        imdb.read(tmp_path)
    folder.rmdir()
    with pytest.raises(DataError, match=f"no folder {name} below it"):
        imdb.read(tmp_path)
