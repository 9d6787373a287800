import json
from pathlib import Path

import pyarrow
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


def choose(folder: Path, *numbers: int) -> Path:
    """Lets a split have only rows of these numbers, as `Dataset.select` does."""
    table = pyarrow.table({"indices": pyarrow.array(numbers, pyarrow.uint64())})
    with pyarrow.ipc.new_stream(str(folder / "indices.arrow"), table.schema) as stream:
        stream.write_table(table)
    state = json.loads((folder / "state.json").read_text())
    state["_indices_data_files"] = [{"filename": "indices.arrow"}]
    (folder / "state.json").write_text(json.dumps(state))
    return folder.parent


def test_only_the_rows_of_the_indices_are_read_in_their_order(tmp_path: Path) -> None:
    folder = choose(write_saved(tmp_path / "saved", {"train": ROWS}) / "train", 2, 0, 2)
    assert list(saved_rows(folder, "train", ["id"])) == [{"id": i} for i in "cac"]


def test_an_index_beyond_the_rows_is_told(tmp_path: Path) -> None:
    folder = choose(write_saved(tmp_path / "saved", {"train": ROWS}) / "train", 0, 3)
    with pytest.raises(DataError, match=r"indices\.arrow: a number beyond the 3 rows there are"):
        list(saved_rows(folder, "train", ["id"]))


def test_optional_columns_are_read_where_they_are(tmp_path: Path) -> None:
    folder = write_saved(tmp_path / "saved", {"train": ROWS})
    assert list(saved_rows(folder, "train", ["id"], optional=["n", "m"])) == ROWS


def test_text_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    folder = write_saved(tmp_path / "saved", {"train": [{"id": "abc"}]})
    file = folder / "train" / "data-00000-of-00001.arrow"
    file.write_bytes(file.read_bytes().replace(b"abc", b"a\xffc"))
    with pytest.raises(DataError, match=r"damaged \(a text is not UTF-8\)"):
        list(saved_rows(folder, "train", ["id"]))


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
