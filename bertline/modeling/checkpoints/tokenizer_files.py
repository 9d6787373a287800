"""A checkpoint's vocabulary and tokenizer settings, from the files beside its weights."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertline.artifacts import read_json
from bertline.errors import CheckpointError
from bertline.features.spec import AddedToken, TokenizerSpec
from bertline.features.tokenizer import CLS, PAD, SEP, UNK, check_vocabulary, read_vocab

CONFIG, WHOLE = "tokenizer_config.json", "tokenizer.json"
ADDED, SPECIAL_MAP = "added_tokens.json", "special_tokens_map.json"
SPECIAL = {"pad_token": PAD, "unk_token": UNK, "cls_token": CLS, "sep_token": SEP}
STAYS_TEXT = {*SPECIAL.values(), "[MASK]"}
"""Special tokens that only the encoding adds, by id; written in a text they stay text."""
_SAME_CLASSES = re.compile(
    r"(Bert|DistilBert|Electra|MobileBert)Tokenizer(Fast)?|PreTrainedTokenizerFast|"
    r"TokenizersBackend"
)
_OTHER_VOCABULARIES = ("*.model", "merges.txt")
"""Files of SentencePiece and of byte-pair encodings."""
_ONLY: dict[str, dict[str, object]] = {
    "normalizer": {"type": "BertNormalizer", "clean_text": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {"type": "WordPiece", "unk_token": UNK, "continuing_subword_prefix": "##"},
}
"""Part of tokenizer.json → the values of a BERT's."""
_NORMALIZER_KEYS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
"""Our key → that of BertNormalizer in tokenizer.json."""


@dataclass(frozen=True)
class TokenizerFiles:
    """vocabulary: token → id, added tokens last. spec: how texts are split."""

    vocabulary: dict[str, int]
    spec: TokenizerSpec


def read_tokenizer(folder: Path, vocab: Path, do_lower_case: bool | None = None) -> TokenizerFiles:
    """The tokenizer of a checkpoint's folder.

    vocab: its vocab.txt; if that does not exist, the vocabulary comes from tokenizer.json.
    tokenizer_config.json overrides tokenizer.json. do_lower_case: used if neither sets it; None:
    inferred from the vocabulary. Raises CheckpointError for a tokenizer that splits texts in
    another way than BERT's.
    """
    try:
        return _read(folder, vocab, do_lower_case)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder}: malformed tokenizer files ({str(error).splitlines()[0]:.80}); copy them "
            "again"
        ) from None


def _read(folder: Path, vocab: Path, do_lower_case: bool | None) -> TokenizerFiles:
    config, whole = (_read_if_there(folder / name) for name in (CONFIG, WHOLE))
    _check_config(folder / CONFIG, config)
    if whole:
        _check_whole(folder / WHOLE, whole)
    vocabulary = _vocabulary(vocab, folder / WHOLE, whole)
    normalizer = whole.get("normalizer") or {}
    values = {
        ours: config.get(ours, normalizer.get(theirs)) for ours, theirs in _NORMALIZER_KEYS.items()
    }
    if values["do_lower_case"] is None:
        is_lower = looks_lower_cased(vocabulary) if do_lower_case is None else do_lower_case
        values["do_lower_case"] = is_lower
    said = {key: value for key, value in values.items() if value is not None}
    added = _added_tokens(folder, config, whole, vocabulary)
    if broken := [entry for entry in vocabulary if "\n" in entry]:
        raise CheckpointError(f"{folder}: {broken[0]!r}, an entry with a line break; remove it")
    spec = TokenizerSpec.parse(said, where=str(folder / CONFIG))
    return TokenizerFiles(vocabulary, spec.model_copy(update={"added_tokens": added}))


def _read_if_there(file: Path) -> dict[str, Any]:
    return read_json(file) if file.is_file() else {}


def looks_lower_cased(vocabulary: Iterable[str]) -> bool:
    """Whether no entry of a vocabulary has a capital letter, markers such as [CLS] apart."""
    return not any(entry != entry.lower() for entry in vocabulary if not entry.startswith("["))


def _check_config(file: Path, config: Mapping[str, Any]) -> None:
    """Raises CheckpointError for a setting that is not supported."""
    kind = config.get("tokenizer_class") or "BertTokenizer"
    never_split = set(config.get("never_split") or ()) - STAYS_TEXT
    problems = {
        f"tokenizer_class {kind!r}": not _SAME_CLASSES.fullmatch(str(kind)),
        f"never_split {sorted(map(str, never_split))}": bool(never_split),
        "do_basic_tokenize false": config.get("do_basic_tokenize") is False,
        **{
            f"{key} {_content(config[key])!r}": _content(config[key]) != ours
            for key, ours in SPECIAL.items()
            if config.get(key) is not None
        },
    }
    for problem, is_there in problems.items():
        if is_there:
            raise CheckpointError(f"{file}: {problem} is not supported; give a BertTokenizer's")


def _check_whole(file: Path, whole: Mapping[str, Any]) -> None:
    for part, values in _ONLY.items():
        found = whole.get(part) or {}
        for key, ours in values.items():
            if found.get(key, None if key == "type" else ours) != ours:
                raise CheckpointError(
                    f"{file}: {part}.{key} is {found.get(key)!r}, a BERT's is {ours!r}; give a "
                    "BertTokenizer's"
                )


def _vocabulary(vocab: Path, file: Path, whole: Mapping[str, Any]) -> dict[str, int]:
    entries = whole.get("model", {}).get("vocab")
    if not vocab.is_file() and entries:
        ordered: dict[str, int] = dict(sorted(entries.items(), key=lambda entry: int(entry[1])))
        if list(ordered.values()) != list(range(len(ordered))):
            raise CheckpointError(f"{file}: ids are not 0 to {len(ordered) - 1}; save it again")
        check_vocabulary(ordered, file)
        return ordered
    _check_kind(vocab)
    vocabulary = read_vocab(vocab)
    if entries and vocab.parent == file.parent:
        for token, number in entries.items():
            if vocabulary.get(token) != number:
                raise CheckpointError(
                    f"{vocab}: the id of {token!r} is {vocabulary.get(token)}, in {file.name} it "
                    f"is {number}; remove the file that does not belong to the weights"
                )
    return vocabulary


def _check_kind(vocab: Path) -> None:
    """Raises CheckpointError where another kind of vocabulary lies in the place of `vocab`."""
    if vocab.is_file():
        return
    for pattern in _OTHER_VOCABULARIES:
        for file in sorted(vocab.parent.glob(pattern)):
            raise CheckpointError(
                f"{file}: not a WordPiece vocabulary; give a checkpoint with a vocab.txt"
            )


def _added_tokens(
    folder: Path, config: Mapping[str, Any], whole: Mapping[str, Any], vocabulary: dict[str, int]
) -> tuple[AddedToken, ...]:
    """The added tokens; those that are not yet in the vocabulary are appended to it."""
    found: dict[str, AddedToken] = {}
    listed = dict(_listed_tokens(folder, config, whole))
    # Tokens without an id come last, in their order.
    for content, (number, token) in sorted(
        listed.items(), key=lambda entry: (entry[1][0] is None, entry[1][0] or 0)
    ):
        if content in STAYS_TEXT:
            continue
        expected = vocabulary.setdefault(content, len(vocabulary))
        if number is not None and number != expected:
            raise CheckpointError(
                f"{folder}: the added token {content!r} has the id {number}, its place in the "
                f"vocabulary is {expected}; give the vocabulary that belongs to it"
            )
        found[content] = token
    return tuple(found.values())


def _listed_tokens(
    folder: Path, config: Mapping[str, Any], whole: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[int | None, AddedToken]]]:
    """(content, (id, token)) for each place that lists a token, the most detailed place last."""
    special = [
        _content(entry)
        for values in (config, _read_if_there(folder / SPECIAL_MAP))
        for key in ("additional_special_tokens", "extra_special_tokens")
        for entry in _entries(values.get(key) or ())
    ]
    for content in special:
        yield content, (None, AddedToken(content=content))
    for content, number in _read_if_there(folder / ADDED).items():
        yield content, (int(number), AddedToken(content=content, normalized=content not in special))
    for number, entry in (config.get("added_tokens_decoder") or {}).items():
        yield entry["content"], (int(number), _token(entry))
    for entry in whole.get("added_tokens") or ():
        yield entry["content"], (int(entry["id"]), _token(entry))


def _token(entry: Mapping[str, Any]) -> AddedToken:
    # lstrip and rstrip only move offsets: white space has no ids.
    return AddedToken(
        content=entry["content"],
        single_word=bool(entry.get("single_word")),
        normalized=bool(entry.get("normalized")),
    )


def _entries(tokens: Any) -> Iterable[Any]:
    """The tokens of a list, or of an object with names as keys."""
    return tokens.values() if isinstance(tokens, dict) else tokens


def _content(entry: Any) -> str:
    """The text of a token, which files hold as a string or in an object."""
    return str(entry["content"] if isinstance(entry, dict) else entry)
