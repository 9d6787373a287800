from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from bertline.errors import CheckpointError, StorageError
from bertline.modeling.weights import (
    assign,
    load_weights,
    save_weights,
    tensors_of,
    weights_digest,
)

A, B = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(2, np.float32)
TENSORS: dict[str, NDArray[Any]] = {"b": B, "a": A}


def variables() -> list[keras.Variable]:
    return [keras.Variable(np.zeros((2, 3)), name="a"), keras.Variable(np.zeros(2), name="b")]


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    tensors = TENSORS | {"t": A.T, "seed": np.array([7], np.uint32), "step": np.array(3)}
    save_weights(tensors, file)
    found = load_weights(file)
    assert found.keys() == tensors.keys()
    for name, expected in tensors.items():
        np.testing.assert_array_equal(found[name], expected)
        assert (found[name].dtype, found[name].shape) == (expected.dtype, expected.shape)


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    save_weights(TENSORS, tmp_path / "one")
    save_weights({"a": np.asfortranarray(A), "b": B}, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_digest_covers_names_shapes_types_and_values() -> None:
    digest = weights_digest(TENSORS)
    assert digest == weights_digest({"a": np.asfortranarray(A), "b": B})
    others: list[dict[str, NDArray[Any]]] = [
        {"a": A, "c": B},
        {"a": A.reshape(3, 2), "b": B},
        {"a": A.view(np.int32), "b": B},
        {"a": A + 1, "b": B},
        {"a": A},
    ]
    assert len({digest, *map(weights_digest, others)}) == 6


def test_assign_sets_variables_by_path() -> None:
    one, two = variables()
    assign([one, two], TENSORS | {"more": B}, where="toy")
    assert tensors_of([one, two]).keys() == {"a", "b"}
    np.testing.assert_array_equal(np.asarray(one), A)
    np.testing.assert_array_equal(np.asarray(two), B)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a": A}, "toy: no tensor 'b'; is it another model's?"),
        ({"a": A, "b": A}, r"toy: 'b' has shape \[2, 3\], the config asks for \[2\]; use the"),
    ],
)
def test_assign_sets_all_or_nothing(tensors: dict[str, NDArray[Any]], message: str) -> None:
    one, two = variables()
    with pytest.raises(CheckpointError, match=message):
        assign([one, two], tensors, where="toy")
    assert np.count_nonzero(np.asarray(one)) == 0


def test_a_missing_or_damaged_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    with pytest.raises(CheckpointError, match=r"weights\.safetensors: no such file"):
        load_weights(file)
    file.write_text("not weights")
    with pytest.raises(CheckpointError, match=r"not a safetensors file \(.+\); copy it again"):
        load_weights(file)
    save_weights(TENSORS, file)
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_weights(file)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"w: cannot be written \(.+\); make room there"):
        save_weights(TENSORS, tmp_path / "nowhere" / "w")
