"""A saved Hugging Face dataset without the package that saves one."""

import json
from pathlib import Path
from typing import Any

import pyarrow


def write_saved(folder: Path, splits: dict[str, list[dict[str, Any]]], name: str = "toy") -> Path:
    """A folder as `DatasetDict.save_to_disk` of datasets 4 writes it, a row a file."""
    for split, rows in splits.items():
        (folder / split).mkdir(parents=True)
        files = [f"data-{number:05}-of-{len(rows):05}.arrow" for number in range(len(rows))]
        for file, row in zip(files, rows, strict=True):
            table = pyarrow.Table.from_pylist([row])
            with pyarrow.ipc.new_stream(str(folder / split / file), table.schema) as stream:
                stream.write_table(table)
        state = {"_data_files": [{"filename": file} for file in files], "_format_type": None}
        (folder / split / "state.json").write_text(json.dumps(state))
        (folder / split / "dataset_info.json").write_text(json.dumps({"dataset_name": name}))
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    return folder
