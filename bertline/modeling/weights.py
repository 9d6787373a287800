"""Weights on disk: safetensors by variable path ("encoder/layer_0/attention/query/kernel")."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from bertline.errors import CheckpointError, StorageError
from bertline.modeling.finite import check_finite

Tensors = dict[str, NDArray[Any]]


def tensors_of(variables: Iterable[Any]) -> Tensors:
    """The values of Keras variables by path."""
    return {variable.path: np.asarray(variable) for variable in variables}


def assign(variables: Iterable[Any], tensors: Mapping[str, NDArray[Any]], where: str) -> None:
    """Sets each variable to the tensor of its path.

    Raises CheckpointError if one is missing or has another shape; tensors that no variable asks
    for are left alone. `where` names the tensors in messages.
    """
    variables = list(variables)
    for variable in variables:
        if variable.path not in tensors:
            raise CheckpointError(f"{where}: no tensor {variable.path!r}; is it another model's?")
        found = tensors[variable.path].shape
        if tuple(variable.shape) != found:
            raise CheckpointError(
                f"{where}: {variable.path!r} has shape {list(found)}, the config asks for "
                f"{list(variable.shape)}; use the config that belongs to the weights"
            )
    for variable in variables:
        variable.assign(tensors[variable.path])


def save_weights(tensors: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Writes tensors in the order of their names, so that equal weights give equal bytes.

    Raises StorageError where they cannot be written.
    """
    contiguous = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
    try:
        save_file(contiguous, str(path))
    except SafetensorError as error:
        raise StorageError(f"{path}: cannot be written ({error}); make room there") from None


def load_weights(path: Path) -> Tensors:
    """The tensors of a safetensors file.

    Raises CheckpointError if it is missing or damaged or if a tensor holds NaN or infinity.
    """
    tensors = load_tensors(path)
    check_finite(tensors.items(), where=str(path))
    return tensors


def load_tensors(path: Path) -> Tensors:
    """The tensors of a safetensors file, whatever they hold; raises CheckpointError."""
    try:
        return load_file(str(path))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; the folder is not complete") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a safetensors file ({error}); copy it again") from None


def weights_digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 in hex over names, shapes, types and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = np.asarray(tensors[name], order="C")
        digest.update(f"{name}{value.shape}{value.dtype}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
