from pathlib import Path

import pytest

from bertline.datasets.saved_dataset import find_saved, saved_info, saved_rows
from bertline.errors import DataError
from tests.datasets.toy_saved import write_saved

ROWS = [{"id": "a", "n": {"x": [1]}}, {"id": "b", "n": {"x": []}}, {"id": "c", "n": {"x": [2, 3]}}]


def test_rows_come_in_the_order_of_the_files_with_the_columns_named(tmp_path: Path) -> None:
    folder = write_saved(tmp_path / "a" / "b", {"train": ROWS})
    assert find_saved(tmp_path) == folder
    assert find_saved(folder / "train") is None
    assert saved_info(folder, "train") == {"dataset_name": "toy"}
    assert list(saved_rows(folder, "train", ["id", "n"])) == ROWS
    assert list(saved_rows(folder, "train", ["id"])) == [{"id": i} for i in "abc"]


def test_two_datasets_are_told(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_saved(tmp_path / name, {"train": ROWS})
    with pytest.raises(DataError, match="one and .*two both hold a dataset; give one"):
        find_saved(tmp_path)


def one_line(caught: pytest.ExceptionInfo[DataError]) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("state.json", None, r"train: no state\.json; give the whole folder that DatasetDict"),
        ("state.json", "{", r"state\.json: malformed JSON"),
        ("state.json", "[]", r"state\.json: expected a JSON object, got \[\]"),
        ("state.json", '{"_data_files": [1]}', r"state\.json: names no data files"),
        ("data-00001-of-00003.arrow", None, r"data-00001-of-00003\.arrow: no such file, though"),
        ("data-00001-of-00003.arrow", "", r"data-00001-of-00003\.arrow: damaged \("),
        ("data-00001-of-00003.arrow", "no arrow", r"data-00001-of-00003\.arrow: damaged \("),
    ],
)
def test_missing_and_damaged_files_are_told(
    tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    folder = write_saved(tmp_path / "saved", {"train": ROWS})
    (folder / "train" / file).unlink()
    if content is not None:
        (folder / "train" / file).write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        list(saved_rows(folder, "train", ["id"]))
    one_line(caught)


def test_a_truncated_file_and_a_missing_column_are_told(tmp_path: Path) -> None:
    folder = write_saved(tmp_path / "saved", {"train": ROWS})
    with pytest.raises(DataError, match="no column 'text'; it has id, n"):
        list(saved_rows(folder, "train", ["id", "text"]))
    file = folder / "train" / "data-00000-of-00003.arrow"
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(DataError, match="damaged") as caught:
        list(saved_rows(folder, "train", ["id"]))
    one_line(caught)


def test_a_missing_dataset_info_is_told(tmp_path: Path) -> None:
    folder = write_saved(tmp_path / "saved", {"train": ROWS})
    (folder / "train" / "dataset_info.json").unlink()
    with pytest.raises(DataError, match=r"train: no dataset_info\.json; give the whole folder"):
        saved_info(folder, "train")
