"""What model.json and encoder.json hold, and of which family they say the encoder is."""

from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import write_json
from bertline.errors import ConfigError
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.lookup import read_encoder
from tests.modeling.toys import toy_spec


def test_a_spec_survives_its_file(tmp_path: Path) -> None:
    spec = toy_spec()
    values = spec.model_dump()
    assert values["encoder"]["family"] == "bert"
    assert type(spec).parse(values, where="model.json") == spec
    write_json(tmp_path / "encoder.json", spec.encoder.model_dump())
    assert read_encoder(tmp_path) == spec.encoder


def test_files_that_say_no_family_are_bert_s(tmp_path: Path) -> None:
    spec = toy_spec()
    values = spec.model_dump()
    del values["encoder"]["family"]
    assert ModelSpec.parse(values, where="model.json") == spec
    write_json(tmp_path / "encoder.json", values["encoder"])
    assert read_encoder(tmp_path) == spec.encoder


def test_a_family_that_is_not_there_is_named(tmp_path: Path) -> None:
    values = toy_spec().model_dump()
    values["encoder"]["family"] = "mobilebert"
    message = r"MobileBERT encoders are not supported; give one of a supported family: BERT$"
    with pytest.raises(ConfigError, match=f"^model.json: key 'encoder' = .*{message}"):
        ModelSpec.parse(values, where="model.json")
    write_json(tmp_path / "encoder.json", values["encoder"])
    with pytest.raises(ConfigError, match=rf"encoder\.json: {message}"):
        read_encoder(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hiden_size": 8}, "^model.json: unknown key 'encoder.hiden_size'; did you mean"),
        ({"hidden_act": "silu"}, "^model.json: key 'encoder.hidden_act' = 'silu': "),
        ({"hidden_size": None}, "^model.json: key 'encoder.hidden_size' = None: "),
    ],
)
def test_a_key_of_the_encoder_is_named_with_its_place(change: dict[str, Any], message: str) -> None:
    values = toy_spec().model_dump()
    values["encoder"] |= change
    with pytest.raises(ConfigError, match=message):
        ModelSpec.parse(values, where="model.json")
