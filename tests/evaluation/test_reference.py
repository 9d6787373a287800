from pathlib import Path
from typing import Any

import pytest

from bertline.errors import CheckpointError, DataError
from bertline.evaluation.reference import reference_facts, reference_model
from bertline.modeling.config import ModelSpec
from tests.toy_model import write_toy_spec


def folder_of(path: Path, **changes: Any) -> Path:
    """A model folder of the toy model's shape, without usable weights."""
    path.mkdir()
    write_toy_spec(path)
    spec = ModelSpec.read(path)
    ModelSpec.model_validate({**spec.model_dump(), **changes}).write(path)
    (path / "weights.safetensors").write_bytes(bytes(100))
    return path


def test_without_an_address_it_is_the_model_itself(tmp_path: Path) -> None:
    model = folder_of(tmp_path / "model")
    with reference_model(None, model) as found:
        assert found == model
    facts = reference_facts(model)
    assert (facts.name, facts.precision, facts.size_bytes) == ("keras", "float32", 100)


def test_a_network_with_fake_quantization_is_called_so(tmp_path: Path) -> None:
    model = folder_of(tmp_path / "model", quantization={})
    assert reference_facts(model).precision == "fake quantization"


def test_a_float_model_takes_its_place(tmp_path: Path) -> None:
    model = folder_of(tmp_path / "model", quantization={})
    given = folder_of(tmp_path / "given")
    with reference_model(str(given), model) as found:
        assert (found / "weights.safetensors").read_bytes() == bytes(100)
        assert reference_facts(found).precision == "float32"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantization": {}}, "trained with fake quantization; give a float model"),
        ({"task": "imdb"}, "task not as in this run"),
        ({"labels": {"intents": ["a"], "tags": ["O"]}}, "labels not as in this run"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    model, given = folder_of(tmp_path / "model"), folder_of(tmp_path / "given", **changes)
    with pytest.raises(CheckpointError, match=message), reference_model(str(given), model):
        pass


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    model, given = folder_of(tmp_path / "model"), folder_of(tmp_path / "given")
    (given / "vocab.txt").write_text("[PAD]\n")
    with (
        pytest.raises(CheckpointError, match="vocabulary not as in this run"),
        reference_model(str(given), model),
    ):
        pass


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    model = folder_of(tmp_path / "model")
    (tmp_path / "empty").mkdir()
    with (
        pytest.raises(DataError, match="empty"),
        reference_model(str(tmp_path / "empty"), model),
    ):
        pass
