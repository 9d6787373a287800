"""The folder that `DatasetDict.save_to_disk` of Hugging Face datasets writes, read with pyarrow.

dataset_dict.json           {"splits": ["train", "validation"]}
train/state.json            {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], …}
train/dataset_info.json     the dataset's name, version and columns
train/data-*.arrow          the rows, Arrow's streaming form

What `select`, `filter` or `train_test_split` made names in state.json, under "_indices_data_files",
files with the numbers of the rows that belong to the dataset; the other rows do not.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from bertline.datasets.dataset import check_regular
from bertline.errors import DataError
from bertline.json_values import parse_json

DICT_FILE = "dataset_dict.json"
DATA_FILES, INDICES_FILES = "_data_files", "_indices_data_files"
ROWS_AT_ONCE = 1000
_REMEDY = "give the whole folder that DatasetDict.save_to_disk wrote"


def find_saved(folder: Path) -> Path | None:
    """The saved dataset at or below `folder`, if there is one; raises DataError if several."""
    found = sorted(file.parent for file in folder.rglob(DICT_FILE) if file.is_file())
    if len(found) > 1:
        raise DataError(f"{folder}: {found[0]} and {found[1]} both hold a dataset; give one")
    return found[0] if found else None


def saved_info(folder: Path, split: str) -> dict[str, Any]:
    """What dataset_info.json of a split says; raises DataError if it is missing or malformed."""
    return _read_object(folder / split / "dataset_info.json")


def saved_rows(
    folder: Path, split: str, columns: Collection[str], optional: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """The rows of a split in their order: the columns named, and the `optional` ones it has.

    Raises DataError, naming the file, for one that is missing or damaged or lacks a column.
    """
    state = _read_object(folder / split / "state.json")
    files, indices = (_named(state, folder / split, key) for key in (DATA_FILES, INDICES_FILES))
    if not files:
        raise DataError(f"{folder / split / 'state.json'}: names no data files; {_REMEDY}")
    if indices:
        yield from _chosen_rows(files, indices, columns, optional)
    else:
        for file in files:
            for batch in _batches(file, columns, optional):
                yield from _values(batch, file)


def _named(state: dict[str, Any], folder: Path, key: str) -> list[Path]:
    try:
        return [folder / file["filename"] for file in state.get(key) or ()]
    except (KeyError, TypeError):
        raise DataError(f"{folder / 'state.json'}: names no data files; {_REMEDY}") from None


def _chosen_rows(
    files: list[Path], indices: list[Path], columns: Collection[str], optional: Collection[str]
) -> Iterator[dict[str, Any]]:
    """The rows of `files` by their numbers, which the other files have in the column "indices"."""
    import pyarrow

    batches = [batch for file in files for batch in _batches(file, columns, optional)]
    table = pyarrow.Table.from_batches(batches)
    for file in indices:
        for batch in _batches(file, ("indices",)):
            numbers = batch.column("indices")
            for start in range(0, len(numbers), ROWS_AT_ONCE):
                try:
                    rows = table.take(numbers.slice(start, ROWS_AT_ONCE))
                except (pyarrow.ArrowException, IndexError):
                    raise DataError(
                        f"{file}: a number beyond the {len(table):,} rows there are; {_REMEDY}"
                    ) from None
                yield from _values(rows, file)


def _batches(file: Path, columns: Collection[str], optional: Collection[str] = ()) -> Iterator[Any]:
    """The record batches of a file."""
    import pyarrow

    try:
        with pyarrow.memory_map(str(file)) as source, pyarrow.ipc.open_stream(source) as batches:
            found = batches.schema.names
            missing = sorted(set(columns).difference(found))
            if missing:
                raise DataError(f"{file}: no column {missing[0]!r}; it has {', '.join(found)}")
            read = [*columns, *(name for name in optional if name in found)]
            for batch in batches:
                yield batch.select(read)
    except FileNotFoundError:
        raise DataError(f"{file}: no such file, though state.json names it; {_REMEDY}") from None
    except (pyarrow.ArrowException, OSError) as error:
        problem = str(error).splitlines()[0]
        raise DataError(f"{file}: damaged ({problem}); {_REMEDY}") from None


def _values(rows: Any, file: Path) -> list[dict[str, Any]]:
    """The rows of a table or a batch of it as Python has them."""
    try:
        values: list[dict[str, Any]] = rows.to_pylist()
    except UnicodeDecodeError:
        raise DataError(f"{file}: damaged (a text is not UTF-8); {_REMEDY}") from None
    return values


def _read_object(file: Path) -> dict[str, Any]:
    if not file.exists():
        raise DataError(f"{file.parent}: no {file.name}; {_REMEDY}")
    value = parse_json(check_regular(file).read_bytes(), str(file), _REMEDY)
    if not isinstance(value, dict):
        raise DataError(f"{file}: expected a JSON object, got {value!r:.60}; {_REMEDY}")
    return value
