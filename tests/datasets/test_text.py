from pathlib import Path

import pytest

from bertline.datasets import text
from bertline.errors import DataError
from bertline.examples import Document


def test_documents_are_divided_by_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(
        "\ufeffOne. \r\nTwo.\r\n \r\n\r\nThree\u0085here.\r\n".encode()
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "c.txt").write_bytes(b"\n\nFour.")
    (tmp_path / "notes.md").write_text("Five.")
    dataset = text.read(tmp_path)
    assert dataset.train == [
        Document("c-0", ("Four.",)),
        Document("b-1", ("One.", "Two.")),
        Document("b-2", ("Three\u0085here.",)),
    ]
    assert dataset.test == []
    assert dataset.report == {
        "cp1252_files": 0,
        "cp1252_lines": 0,
        "unread": 1,
        "unread_names": ["notes.md"],
    }


def test_lines_that_are_not_utf8_are_cp1252(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Café.\n".encode() + "Niño.\n".encode("latin-1"))
    dataset = text.read(tmp_path)
    assert dataset.train == [Document("a-0", ("Café.", "Niño."))]
    assert (dataset.report["cp1252_files"], dataset.report["cp1252_lines"]) == (1, 1)


def test_a_folder_without_text_files_is_told_and_an_empty_file_holds_nothing(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match="no .txt file below it; give files with one sentence"):
        text.read(tmp_path)
    (tmp_path / "a.txt").write_text(" \n\n")
    assert text.read(tmp_path).train == []


@pytest.mark.real
def test_real_file(shared: Path) -> None:
    documents = text.read(shared / "data" / "text").train
    assert len(documents) == 11_625
    assert sum(document.content.count("\n") + 1 for document in documents) == 140_376
