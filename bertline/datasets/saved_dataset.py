"""The folder that `DatasetDict.save_to_disk` of Hugging Face datasets writes, read with pyarrow.

dataset_dict.json           {"splits": ["train", "validation"]}
train/state.json            {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], …}
train/dataset_info.json     the dataset's name, version and columns
train/data-*.arrow          the rows, Arrow's streaming form
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from bertline.errors import DataError

DICT_FILE = "dataset_dict.json"
_REMEDY = "give the whole folder that DatasetDict.save_to_disk wrote"


def find_saved(folder: Path) -> Path | None:
    """The saved dataset at or below `folder`, if there is one; raises DataError if several."""
    found = sorted(file.parent for file in folder.rglob(DICT_FILE))
    if len(found) > 1:
        raise DataError(f"{folder}: {found[0]} and {found[1]} both hold a dataset; give one")
    return found[0] if found else None


def saved_info(folder: Path, split: str) -> dict[str, Any]:
    """What dataset_info.json of a split says; raises DataError if it is missing or malformed."""
    return _read_object(folder / split / "dataset_info.json")


def saved_rows(folder: Path, split: str, columns: Collection[str]) -> Iterator[dict[str, Any]]:
    """The rows of a split in their order, the columns named.

    Raises DataError, naming the file, for one that is missing or damaged or lacks a column.
    """
    try:
        names = [
            file["filename"] for file in _read_object(folder / split / "state.json")["_data_files"]
        ]
    except (KeyError, TypeError):
        raise DataError(
            f"{folder / split / 'state.json'}: names no data files; {_REMEDY}"
        ) from None
    for name in names:
        yield from _stream(folder / split / name, columns)


def _stream(file: Path, columns: Collection[str]) -> Iterator[dict[str, Any]]:
    import pyarrow

    try:
        with pyarrow.memory_map(str(file)) as source, pyarrow.ipc.open_stream(source) as batches:
            missing = sorted(set(columns).difference(batches.schema.names))
            if missing:
                raise DataError(
                    f"{file}: no column {missing[0]!r}; it has {', '.join(batches.schema.names)}"
                )
            for batch in batches:
                yield from batch.select(list(columns)).to_pylist()
    except FileNotFoundError:
        raise DataError(f"{file}: no such file, though state.json names it; {_REMEDY}") from None
    except (pyarrow.ArrowException, OSError) as error:
        problem = str(error).splitlines()[0]
        raise DataError(f"{file}: damaged ({problem}); {_REMEDY}") from None


def _read_object(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{file.parent}: no {file.name}; {_REMEDY}") from None
    except ValueError as error:
        raise DataError(f"{file}: malformed JSON ({error}); {_REMEDY}") from None
    if not isinstance(value, dict):
        raise DataError(f"{file}: expected a JSON object, got {value!r:.60}; {_REMEDY}")
    return value
