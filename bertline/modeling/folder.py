"""Model folders: what training writes and others read."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertline.artifacts import new_artifact, read_json, write_json
from bertline.errors import CheckpointError
from bertline.files import naming
from bertline.integrity import verify_if_artifact
from bertline.leftovers import temporary_folder
from bertline.modeling.config import ModelSpec
from bertline.modeling.quantization import Ranges
from bertline.modeling.weights import Tensors, save_weights, weights_digest
from bertline.storage import fetch

RANGES_FILE = "ranges.json"


def write_model(
    model: Path,
    spec: ModelSpec,
    weights: Tensors,
    history: list[dict[str, Any]],
    vocab: Path,
    run_id: str,
    ranges: Ranges | None = None,
) -> None:
    """Writes the artifact `model`: weights.safetensors, model.json, vocab.txt, history.json.

    With `ranges`, those of the sites of a quantized network, also ranges.json.
    """
    facts = {"task": spec.task, "weights_sha256": weights_digest(weights), "run_id": run_id}
    with new_artifact(model, "model", facts) as folder:
        save_weights(weights, folder / "weights.safetensors")
        spec.write(folder)
        write_json(folder / "history.json", {"entries": history})
        shutil.copyfile(vocab, folder / "vocab.txt")
        if ranges is not None:
            write_json(folder / RANGES_FILE, ranges)


@contextlib.contextmanager
def fetched_model(address: str) -> Iterator[Path]:
    """The model folder at a path or a gs:// address, on this disk while the block runs.

    Raises DataError where it is damaged, DataError or StorageError where there is none; these, and
    errors in the block, name `address`.
    """
    with temporary_folder() as temporary:
        folder = fetch(address, temporary / "model")
        with naming(address, folder):
            verify_if_artifact(folder)
            yield folder


def read_ranges(folder: Path, spec: ModelSpec) -> Ranges:
    """The ranges of a model folder's sites; none if its network is not quantized.

    Raises CheckpointError unless each site of the network has one.
    """
    if spec.quantization is None:
        return {}
    file = folder / RANGES_FILE
    ranges = {name: tuple(range) for name, range in read_json(file).items()}
    sites = spec.quantization.sites(spec.encoder, spec.head)
    for name in sites:
        if len(ranges.get(name, ())) != 2:
            raise CheckpointError(f"{file}: no range of the site {name!r}; quantize again")
    return {name: ranges[name] for name in sites}
