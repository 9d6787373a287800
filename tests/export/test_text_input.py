"""Files that take strings: their ids are those of our tokenizer, their answers the ids' answers."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openvino import opset15 as opset

from bertline.errors import CheckpointError, ConfigError
from bertline.export.exporter import Exporter
from bertline.export.instruction_sets import openvino_properties
from bertline.export.openvino_core import other_cores
from bertline.export.source import open_source
from bertline.export.text_input import TextInput, extension, tokenizer_graph
from bertline.features.batches import MODEL_INPUTS
from bertline.features.spec import AddedToken, TokenizerSpec
from bertline.features.tagged_text import encode_tagged_texts
from bertline.features.tokenizer import PAD, Tokenizer
from bertline.modeling.config import ModelSpec

FED_BY = {name: name for name in MODEL_INPUTS}
LONGEST = 12
TEXTS = [
    "",
    " \t\n",
    "play some jazz",
    "Play SOME Jazz!",
    "unaffable unplayable",
    "¿Dónde está el café?",
    "crème brûlée, 3.50 €",
    "東京は夜の七時",
    "中文abc中文",
    "[SEP] [CLS] ##ing",
    "ΣΑΣ ß \u017f İstanbul µ",
    "a\0b\u200dc\ufffdd",
    "한국어 텍스트",
    "x" * 200,
    "x" * 201,
    "é" * 200 + "!",
    "don't stop-believing",
    "a b c d e f g h i j k l m n o",
]
ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyzσß!',.-¿?", "東", "京"]
PIECES = [*(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"), "play", "##ing", "Jazz"]


def make_tokenizer(**spec: Any) -> Tokenizer:
    vocabulary = {entry: i for i, entry in enumerate([*ENTRIES, *PIECES])}
    return Tokenizer(vocabulary, TokenizerSpec(**spec))


def compiled_graph(tokenizer: Tokenizer, longest: int, length: int | None = None) -> Any:
    texts = opset.parameter([-1], ov.Type.string)
    made = tokenizer_graph(texts, TextInput(tokenizer, longest, FED_BY), length)
    with other_cores():
        core = ov.Core()
        core.add_extension(str(extension()))
        return core.compile_model(ov.Model([made[name] for name in MODEL_INPUTS], [texts]), "CPU")


def ids_of(compiled: Any, texts: list[str]) -> list[list[int]]:
    ids, mask, segments = compiled(np.array(texts)).values()
    assert ids.dtype == mask.dtype == segments.dtype == np.int32
    assert not segments.any()
    assert not ids[mask == 0].any()
    return [row[: of.sum()].tolist() for row, of in zip(ids, mask, strict=True)]


def expected(tokenizer: Tokenizer, texts: list[str], longest: int) -> list[list[int]]:
    records = encode_tagged_texts(tokenizer, texts, longest)
    return [record["input_ids"].tolist() for record in records]


SPECS: dict[str, dict[str, Any]] = {
    "lower": {},
    "cased": {"do_lower_case": False},
    "lower_with_accents": {"strip_accents": False},
    "cased_without_accents": {"do_lower_case": False, "strip_accents": True},
    "chinese_together": {"tokenize_chinese_chars": False},
}


@pytest.fixture(scope="module", params=list(SPECS.values()), ids=list(SPECS))
def pair(request: pytest.FixtureRequest) -> tuple[Tokenizer, Any]:
    tokenizer = make_tokenizer(**request.param)
    return tokenizer, compiled_graph(tokenizer, LONGEST)


def test_ids_are_those_of_the_tokenizer(pair: tuple[Tokenizer, Any]) -> None:
    tokenizer, compiled = pair
    assert ids_of(compiled, TEXTS) == expected(tokenizer, TEXTS, LONGEST)


def test_texts_without_any_character_keep_their_rows(pair: tuple[Tokenizer, Any]) -> None:
    tokenizer, compiled = pair
    for texts in ([""], ["", ""], [" ", "\u200d"]):
        assert ids_of(compiled, texts) == [[tokenizer.cls_id, tokenizer.sep_id]] * len(texts)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
@settings(max_examples=300)
def test_ids_of_any_text(pair: tuple[Tokenizer, Any], texts: list[str]) -> None:
    tokenizer, compiled = pair
    # NumPy drops zeros at the end of strings.
    texts = [text.rstrip("\0") for text in texts]
    assert ids_of(compiled, texts) == expected(tokenizer, texts, LONGEST)


def test_rows_are_as_long_as_the_longest_or_as_asked() -> None:
    tokenizer = make_tokenizer()
    ids = compiled_graph(tokenizer, LONGEST)(np.array(["a", "a b c"]))[0]
    assert ids.shape == (2, 5)
    assert ids[0].tolist() == [*expected(tokenizer, ["a"], LONGEST)[0], 0, 0]
    assert tokenizer.vocabulary[PAD] == 0
    assert compiled_graph(tokenizer, LONGEST, 16)(np.array(["a"]))[0].shape == (1, 16)


@pytest.mark.real
def test_ids_of_the_oracle_texts(shared: Path) -> None:
    """No exception: texts of every kind, of which some are hard for other tokenizers."""
    from bertline.modeling.checkpoints import packaged

    tokenizer = Tokenizer.from_vocab(packaged.folder() / "vocab.txt", TokenizerSpec())
    with gzip.open(shared / "oracle/tokenization.jsonl.gz", "rt", encoding="utf-8") as stream:
        texts = [json.loads(line)["text"].rstrip("\0") for line in stream]
    assert len(texts) > 3000
    compiled = compiled_graph(tokenizer, 128)
    assert ids_of(compiled, texts) == expected(tokenizer, texts, 128)


@pytest.mark.parametrize("shape", [(None, None), (2, 16)])
def test_a_file_for_texts_answers_as_the_file_for_ids(
    model: Path, tmp_path: Path, shape: tuple[int | None, int | None]
) -> None:
    source = open_source(model)
    exporter = Exporter(source.graph, [], tmp_path, shape, source.text_input(12))
    file = exporter.export("openvino_fp16", tmp_path)
    assert file.text_path == "openvino_fp16_text/model.xml"
    assert file.size_bytes == sum(
        each.stat().st_size for each in (tmp_path / file.path).parent.iterdir()
    )
    texts = ["word3 word7, word1", "word2 " * 40]
    length = shape[1] or 12
    batch = {name: np.zeros((2, length), np.int32) for name in MODEL_INPUTS}
    for row, ids in enumerate(expected(source.tokenizer(), texts, 12)):
        batch["input_ids"][row, : len(ids)] = ids
        batch["input_mask"][row, : len(ids)] = 1
    with other_cores():
        core = ov.Core()
        core.add_extension(str(extension()))
        of_ids = core.compile_model(tmp_path / file.path, "CPU", openvino_properties())(batch)
        for_texts = core.read_model(tmp_path / file.text_path)
        assert [port.any_name for port in for_texts.inputs] == ["text"]
        assert not for_texts.get_sinks()
        of_texts = core.compile_model(for_texts, "CPU", openvino_properties())(np.array(texts))
    for name in ("intent_logits", "slot_logits"):
        np.testing.assert_allclose(of_texts[name], of_ids[name], atol=1e-5)


def test_openvino_is_left_as_it_is_and_the_process_ends_well(model: Path, tmp_path: Path) -> None:
    code = (
        "import sys, openvino as ov; before = ov.Core.__init__\n"
        "from pathlib import Path; from bertline.export.source import open_source\n"
        "from bertline.export.exporter import Exporter\n"
        f"source, folder = open_source(Path({str(model)!r})), Path({str(tmp_path)!r})\n"
        "exporter = Exporter(source.graph, [], folder, text_input=source.text_input())\n"
        "exporter.export('openvino_fp16', folder)\n"
        "assert ov.Core.__init__ is before and 'openvino_tokenizers' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_missing_package_and_a_missing_vocabulary_are_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs the package openvino-tokenizers; pip install"):
        open_source(model).text_input()
    monkeypatch.undo()
    for name in ("model.json", "weights.safetensors"):
        (tmp_path / name).symlink_to(model / name)
    with pytest.raises(CheckpointError, match=r"vocab\.txt: no such vocabulary"):
        open_source(tmp_path).tokenizer()


def test_added_tokens_are_not_for_files_that_take_strings(model: Path, tmp_path: Path) -> None:
    spec = ModelSpec.read(model)
    added = TokenizerSpec(added_tokens=(AddedToken(content="word3"),))
    encoder = spec.encoder.with_tokenizer(added)
    spec.model_copy(update={"encoder": encoder}).write(tmp_path)
    for name in ("vocab.txt", "weights.safetensors"):
        (tmp_path / name).symlink_to(model / name)
    with pytest.raises(
        ConfigError, match=r"added tokens \(word3\): .*; leave tokenizer_inside out"
    ):
        open_source(tmp_path).text_input()
