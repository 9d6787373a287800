"""What the files of a checkpoint say of its tokenizer is what its texts are divided by."""

import json
from pathlib import Path
from typing import Any

import pytest

from bertline.errors import CheckpointError
from bertline.features.spec import AddedToken, TokenizerSpec
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.checkpoints.tokenizer_files import (
    TokenizerFiles,
    looks_lower_cased,
    read_tokenizer,
)

ENTRIES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "schön", "schon", "北", "北京", "ok"]
CASED = [*ENTRIES, "Paris"]
WHOLE: dict[str, Any] = {
    "normalizer": {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": False,
    },
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "vocab": {entry: number for number, entry in enumerate(ENTRIES)},
    },
}


def read(folder: Path, entries: list[str] | None = ENTRIES, **files: Any) -> TokenizerFiles:
    """What is read of a folder with a vocabulary and these files: name without .json → content."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    if entries:
        (folder / "vocab.txt").write_text("\n".join(entries) + "\n", encoding="utf-8")
    return read_tokenizer(folder, folder / "vocab.txt")


def tokens(found: TokenizerFiles, text: str) -> list[str]:
    tokenizer = Tokenizer(found.vocabulary, found.spec)
    return [tokenizer.tokens[id] for id in tokenizer.encode([text])[0].ids]


@pytest.mark.parametrize(
    ("config", "text", "expected"),
    [
        ({"do_lower_case": True}, "Schön OK", ["schon", "ok"]),
        ({"do_lower_case": True, "strip_accents": False}, "Schön OK", ["schön", "ok"]),
        ({"do_lower_case": False, "strip_accents": True}, "schön ok", ["schon", "ok"]),
        ({"do_lower_case": False, "strip_accents": None}, "schön OK", ["schön", "[UNK]"]),
        ({"tokenize_chinese_chars": True}, "北京", ["北", "[UNK]"]),
        ({"tokenize_chinese_chars": False}, "北京", ["北京"]),
    ],
)
def test_the_config_is_obeyed(
    tmp_path: Path, config: dict[str, Any], text: str, expected: list[str]
) -> None:
    assert tokens(read(tmp_path, tokenizer_config=config), text) == expected


def test_casing_is_what_is_said_or_what_the_vocabulary_looks_like(tmp_path: Path) -> None:
    assert looks_lower_cased(["[PAD]", "[CLS]", "paris"])
    assert not looks_lower_cased(["[PAD]", "[CLS]", "Paris"])
    assert read(tmp_path / "lower").spec.do_lower_case
    assert not read(tmp_path / "cased", CASED).spec.do_lower_case
    silent = {"model_max_length": 512}
    assert not read(tmp_path / "cased", CASED, tokenizer_config=silent).spec.do_lower_case
    said = {"do_lower_case": True}
    assert read(tmp_path / "cased", CASED, tokenizer_config=said).spec.do_lower_case
    # Of a known checkpoint the casing is known, whatever its vocabulary looks like.
    assert read_tokenizer(tmp_path / "cased", tmp_path / "cased/vocab.txt", False).spec == (
        TokenizerSpec(do_lower_case=True)
    )
    (tmp_path / "lower/vocab.txt").touch()
    assert not read_tokenizer(
        tmp_path / "lower", tmp_path / "lower/vocab.txt", False
    ).spec.do_lower_case


def test_tokenizer_json_is_read_and_the_config_comes_first(tmp_path: Path) -> None:
    alone = read(tmp_path / "alone", None, tokenizer=WHOLE)
    assert list(alone.vocabulary) == ENTRIES
    assert alone.spec == TokenizerSpec(do_lower_case=False)
    assert tokens(alone, "schön OK") == ["schön", "[UNK]"]
    both = read(tmp_path / "both", tokenizer=WHOLE, tokenizer_config={"do_lower_case": True})
    assert tokens(both, "Schön OK") == ["schon", "ok"]


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("normalizer", {"type": "NFC"}, r"normalizer\.type is 'NFC', a BERT's is 'BertNormalizer'"),
        ("normalizer", {"clean_text": False}, r"normalizer\.clean_text is False"),
        ("pre_tokenizer", {"type": "Whitespace"}, r"pre_tokenizer\.type is 'Whitespace'"),
        ("model", {"type": "BPE"}, r"model\.type is 'BPE', a BERT's is 'WordPiece'"),
        ("model", {"continuing_subword_prefix": "@@"}, "prefix is '@@'"),
        ("model", {"vocab": {"[PAD]": 0, "a": 2}}, "ids are not 0 to 1"),
        ("model", {"vocab": {"a": 0}}, r"tokenizer\.json: no entry \[PAD\], \[UNK\]"),
        ("model", {"vocab": {"a": "x"}}, "malformed tokenizer files"),
    ],
)
def test_another_tokenizer_json_is_refused(
    tmp_path: Path, part: str, change: dict[str, Any], message: str
) -> None:
    whole = {**WHOLE, part: {**WHOLE[part], **change}}
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path, None, tokenizer=whole)


def test_two_vocabularies_must_be_the_same(tmp_path: Path) -> None:
    swapped = [*ENTRIES[:5], "schon", "schön", *ENTRIES[7:]]
    with pytest.raises(CheckpointError, match=r"id of 'schön' is 6, in tokenizer\.json it is 5;"):
        read(tmp_path, swapped, tokenizer=WHOLE)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"tokenizer_class": "BertJapaneseTokenizer"}, "tokenizer_class 'BertJapaneseTokenizer'"),
        ({"never_split": ["[UNK]", "e.g."]}, r"never_split \['e\.g\.'\]"),
        ({"do_basic_tokenize": False}, "do_basic_tokenize false"),
        ({"cls_token": "<s>"}, "cls_token '<s>'"),
        ({"unk_token": {"content": "<unk>"}}, "unk_token '<unk>'"),
    ],
)
def test_what_is_not_supported_is_refused(
    tmp_path: Path, config: dict[str, Any], problem: str
) -> None:
    with pytest.raises(CheckpointError, match=f"{problem} is not supported; give a BertTokenizer"):
        read(tmp_path, tokenizer_config=config)


def test_what_a_bert_tokenizer_writes_is_accepted(tmp_path: Path) -> None:
    config = {
        "tokenizer_class": "BertTokenizerFast",
        "never_split": None,
        "do_basic_tokenize": True,
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
        "cls_token": {"content": "[CLS]"},
        "added_tokens_decoder": {
            str(n): {"content": entry, "special": True} for n, entry in enumerate(ENTRIES[:5])
        },
    }
    assert read(tmp_path, tokenizer_config=config).spec == TokenizerSpec()


def test_added_tokens_are_found_in_texts(tmp_path: Path) -> None:
    config = {
        "additional_special_tokens": ["<e>"],
        "added_tokens_decoder": {
            "10": {"content": "<e>", "special": True, "normalized": False, "lstrip": True},
            "11": {"content": "Covid", "special": False, "normalized": True, "single_word": True},
            "9": {"content": "ok", "special": False, "normalized": True},
        },
    }
    found = read(tmp_path, tokenizer_config=config)
    assert list(found.vocabulary) == [*ENTRIES, "<e>", "Covid"]
    assert tokens(found, "schon <e>COVID<E> covidok") == [
        *("schon", "<e>", "Covid", "[UNK]", "[UNK]", "[UNK]", "[UNK]", "ok"),
    ]
    tokenizer = Tokenizer(found.vocabulary, found.spec)
    [encoding] = tokenizer.encode(["a <e>schon"])
    assert (encoding.starts, encoding.ends) == ([0, 2, 5], [1, 5, 10])
    words = ["<e>schon", "ok"]
    ids = {word: pieces.ids for word, pieces in tokenizer.encode_words(words).items()}
    assert ids == {"<e>schon": [10, 6], "ok": [9]}


def test_added_tokens_of_older_files(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        added_tokens={"Covid": 11, "<e>": 10},
        special_tokens_map={"additional_special_tokens": ["<e>"]},
    )
    assert found.spec.added_tokens == (
        AddedToken(content="<e>"),
        AddedToken(content="Covid", normalized=True),
    )
    message = r"the added token '<e>' has the id 12, its place in the vocabulary is 10"
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path / "gap", added_tokens={"<e>": 12})


def test_malformed_files_are_told_in_one_line(tmp_path: Path) -> None:
    for name, content in (
        ("a", {"added_tokens_decoder": {"x": {}}}),
        ("b", {"added_tokens_decoder": [1]}),
        ("c", {"cls_token": {"text": 1}}),
    ):
        with pytest.raises(CheckpointError, match=r"malformed tokenizer files \(.*\); copy them"):
            read(tmp_path / name, tokenizer_config=content)
    with pytest.raises(
        CheckpointError, match=r"malformed tokenizer files \(1 validation error"
    ) as error:
        read(tmp_path / "d", added_tokens={"": 10})
    assert "\n" not in str(error.value)
    with pytest.raises(CheckpointError, match=r"'a\\nb', an entry with a line break; remove it"):
        read(tmp_path / "e", added_tokens={"a\nb": 10})
