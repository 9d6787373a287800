"""The table of families, and how a checkpoint's family is recognized."""

import subprocess
import sys

import pytest

from bertline.errors import CheckpointError
from bertline.modeling.checkpoints.accounting import check_family, form_of
from bertline.modeling.families.lookup import family_named, family_of, supported_family
from bertline.modeling.families.recognition import marked_family
from bertline.tables.families import FAMILIES
from tests.modeling.toys import google_name, hugging_face_tensors, toy_config


@pytest.mark.parametrize("name", FAMILIES)
def test_each_row_names_its_module(name: str) -> None:
    family = family_named(name)
    assert family.name == name
    assert family.config.model_fields["family"].default == name


def test_a_config_leads_to_its_family() -> None:
    assert family_of(toy_config()) is family_named("bert")


def test_rows_are_read_without_keras_and_tensorflow() -> None:
    code = (
        "import sys\n"
        "from bertline.modeling.families.lookup import family_named\n"
        "from bertline.tables.families import FAMILIES\n"
        "[family_named(name) for name in FAMILIES]\n"
        "assert not {'keras', 'tensorflow', 'jax'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_family_that_is_not_there_is_named_with_those_that_are() -> None:
    message = "^here: DistilBERT encoders are not supported; give one of a supported family: BERT$"
    with pytest.raises(CheckpointError, match=message):
        supported_family("distilbert", where="here")


def test_a_format_that_a_family_is_not_read_from_is_named() -> None:
    message = r"^here: bert is not read from checkpoints of this format, other; .*: google, hugging"
    with pytest.raises(CheckpointError, match=message):
        form_of(family_named("bert"), "other", where="here")


def test_bert_s_own_names_are_no_other_family_s() -> None:
    names = [*hugging_face_tensors(toy_config()), "cls.predictions.decoder.weight"]
    assert marked_family(names) is None
    assert marked_family(f"bert.{name}" for name in names) is None
    paths = family_of(toy_config()).shapes(toy_config())
    assert marked_family([*map(google_name, paths), "output_weights", "global_step"]) is None


def test_weights_and_config_are_of_one_family() -> None:
    check_family(["bert.pooler.dense.weight"], "bert", where="here")
    with pytest.raises(CheckpointError, match="^here: ELECTRA encoders are not supported"):
        check_family(["electra/embeddings/word_embeddings"], "bert", where="here")
