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
    assert dataset.report == {
        "cp1252_files": 0,
        "cp1252_lines": 0,
        "line_breaks": 2,
        "unread": 0,
        "unread_names": [],
    }
    assert imdb.read(tmp_path / "aclImdb") == dataset


def test_line_breaks_in_any_spelling_are_spaces_and_other_tags_stay(tmp_path: Path) -> None:
    text = b"a<br />b<BR>c< br/ >d<Br\t/>e</br>f<hr>g<break>h <3 br>i"
    dataset = imdb.read(layout(tmp_path, train__neg__0_2=text))
    assert dataset.train[0].content == "a b c d e</br>f<hr>g<break>h <3 br>i"
    assert dataset.report["line_breaks"] == 4 + 2


def test_what_is_not_utf8_is_cp1252_and_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    cp1252, marked = "Café.".encode("latin-1"), "\ufeffCafé.".encode()
    dataset = imdb.read(layout(tmp_path, train__neg__0_2=cp1252, train__pos__9_10=marked))
    assert [example.content for example in dataset.train[:2]] == ["Café.", "Café."]
    assert (dataset.report["cp1252_files"], dataset.report["cp1252_lines"]) == (1, 1)


def test_other_folders_and_files_are_not_read(tmp_path: Path) -> None:
    dataset = imdb.read(layout(tmp_path))
    others = {"train__unsup__0_0": b"", "train__pos__more__1_9": b"", "train__pos__._9_10": b"\0"}
    again = imdb.read(layout(tmp_path, **others))
    assert (again.train, again.test) == (dataset.train, dataset.test)
    assert again.report["unread"] == 2
    assert again.report["unread_names"] == ["aclImdb/train/pos/more/", "aclImdb/train/unsup/"]


def test_reviews_of_other_names_follow_those_of_ids(tmp_path: Path) -> None:
    others = {"train__pos__film": b"Dull.", "train__pos__0a_9": b"Thin."}
    dataset = imdb.read(layout(tmp_path, **others))
    ids = [example.id for example in dataset.train]
    assert ids[1:] == ["train/pos/9_10", "train/pos/10_9", "train/pos/0a_9", "train/pos/film"]
    assert dataset.report["unread"] == 0


def test_a_class_may_lie_in_several_folders(tmp_path: Path) -> None:
    whole = imdb.read(layout(tmp_path / "whole"))
    halves = layout(tmp_path / "halves")
    moved = tmp_path / "halves" / "second" / "train" / "pos"
    moved.mkdir(parents=True)
    (halves / "aclImdb" / "train" / "pos" / "9_10.txt").rename(moved / "9_10.txt")
    assert imdb.read(halves) == whole


def test_windows_dashes_and_quotation_marks_keep_words_apart(tmp_path: Path) -> None:
    raw = "“fine”—it’s € 5…".encode("cp1252")
    dataset = imdb.read(layout(tmp_path, train__neg__0_2=raw))
    assert dataset.train[0].content == "“fine”—it’s € 5…"


@pytest.mark.parametrize("content", [b"", b" \n", b"<br />", b"\xef\xbb\xbf"])
def test_a_review_without_text_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"train/pos/10_9\.txt: no text; remove the file or"):
        imdb.read(layout(tmp_path, train__pos__10_9=content))


@pytest.mark.parametrize("name", ["train/pos", "train/neg", "test/pos", "test/neg"])
def test_a_missing_empty_or_second_class_folder_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="no folder train/neg below it; give a folder with aclI"):
        imdb.read(tmp_path)
    folder = layout(tmp_path) / "aclImdb" / name
    copied = next(folder.iterdir())
    second = tmp_path / "copy" / name / copied.name
    second.parent.mkdir(parents=True)
    second.write_text("Again.")
    with pytest.raises(DataError, match=rf"{copied.name} is also in .*{name}; give one of them"):
        imdb.read(tmp_path)
    second.unlink()
    second.parent.rmdir()
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(DataError, match=f"{name}: no review in it; expected files ID_RATING.txt"):
        imdb.read(tmp_path)
    folder.rmdir()
    with pytest.raises(DataError, match=f"no folder {name} below it"):
        imdb.read(tmp_path)
