"""The model that exported files are compared with."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bertline.artifacts import file_sha256
from bertline.errors import CheckpointError
from bertline.evaluation.results import REFERENCE, ROUNDED, FileFacts
from bertline.export.instruction_sets import find_instruction_set
from bertline.modeling.config import ModelSpec
from bertline.modeling.folder import fetched_model


@contextlib.contextmanager
def reference_model(address: str | None, model: Path) -> Iterator[Path]:
    """The model folder to compare with: `model`, or the float model at a path or gs:// address.

    Raises CheckpointError for a model of other labels, inputs or vocabulary, and for one that was
    trained with fake quantization; DataError where it is damaged, DataError or StorageError where
    there is no model folder.
    """
    if address is None:
        yield model
        return
    with fetched_model(address) as folder:
        given, own = ModelSpec.read(folder), ModelSpec.read(model)
        if given.quantization is not None:
            raise CheckpointError(
                f"reference {address}: trained with fake quantization; give a float model"
            )
        parts = {
            "task": given.task == own.task,
            "labels": given.labels == own.labels,
            "inputs": given.inputs == own.inputs,
            "vocabulary": file_sha256(folder / "vocab.txt") == file_sha256(model / "vocab.txt"),
        }
        different = [name for name, is_same in parts.items() if not is_same]
        if different:
            raise CheckpointError(
                f"reference {address}: {', '.join(different)} not as in this run; give a float "
                "model that was trained on the same data"
            )
        yield folder


def reference_facts(model: Path) -> FileFacts:
    """What is known of the forward pass of a model folder."""
    is_float = ModelSpec.read(model).quantization is None
    return FileFacts(
        name=REFERENCE,
        runtime="keras",
        precision="float32" if is_float else ROUNDED,
        size_bytes=(model / "weights.safetensors").stat().st_size,
        instruction_set=find_instruction_set("keras").name,
    )
