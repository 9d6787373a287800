import importlib.util

import pytest

from bertline.errors import CheckpointError
from bertline.modeling.checkpoints import huggingface, packaged
from bertline.modeling.families.bert.config import BertConfig


def test_it_is_minilm_with_6_layers() -> None:
    config = huggingface.read_config(packaged.folder() / "config.json")
    assert isinstance(config, BertConfig)
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (6, 384, 30522)
    assert config.hidden_act == "gelu"
    assert config.do_lower_case


def test_where_it_is_not_installed_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r"not installed; install requirements\.txt or name"):
        packaged.folder()
