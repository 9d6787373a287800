"""What a dataset is like, in numbers. No text of it is kept, only the names of labels."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from bertline.artifacts import fingerprint, read_json, read_manifest, write_json
from bertline.config import Config
from bertline.datasets.dataset import normalized
from bertline.examples import Example, read_split
from bertline.features.tokenizer import UNK, Tokenizer

FILE_NAME = "profile.json"
TEXTS_AT_ONCE = 1000
REMOVED = "\ufffd"

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Side(Config):
    """One side of a dataset: what is learnt from (train and dev), or the test split.

    labels: kind of label → label → number of examples that bear it. lengths: number of examples by
    length in characters, each bin named by its lower bound (see `length_bin`). empty: share of the
    examples in whose text nothing can be seen. duplicates: share whose text came before on this
    side. unknown: share of the tokens that the vocabulary lacks; None where none was given.
    """

    count: Count
    labels: dict[str, dict[str, Count]]
    lengths: dict[str, Count]
    empty: Share
    duplicates: Share
    unknown: Share | None

    @classmethod
    def of(cls, examples: Sequence[Example], tokenizer: Tokenizer | None) -> Self:
        """What these examples are like."""
        texts = [example.content for example in examples]
        labels: dict[str, Counter[str]] = {}
        for example in examples:
            for kind, names in example.labels().items():
                labels.setdefault(kind, Counter()).update(names)
        lengths = Counter(length_bin(len(text)) for text in texts)
        distinct = len({normalized(text) for text in texts})
        return cls(
            count=len(texts),
            labels={kind: dict(sorted(labels[kind].items())) for kind in sorted(labels)},
            lengths={str(bound): lengths[bound] for bound in sorted(lengths)},
            empty=_share(sum(not is_visible(text) for text in texts), len(texts)),
            duplicates=_share(len(texts) - distinct, len(texts)),
            unknown=None if tokenizer is None else unknown_share(texts, tokenizer),
        )


class Profile(Config):
    """What the examples of a dataset are like.

    content: digest of the files of all splits. leaked: share of the test examples whose text is in
    train or dev too.
    """

    content: str
    learnt: Side
    test: Side
    leaked: Share

    @classmethod
    def of(cls, examples: Path, tokenizer: Tokenizer | None) -> Self:
        """The profile of an examples artifact; raises DataError."""
        manifest = read_manifest(examples, "examples")
        splits = {
            name: list(read_split(examples / f"{name}.jsonl", manifest.about["example_kind"]))
            for name in manifest.about["counts"]
        }
        test = splits.pop("test", [])
        learnt = [example for split in splits.values() for example in split]
        known = {normalized(example.content) for example in learnt}
        files = (f"{file} {sha256}" for file, sha256 in sorted(manifest.files.items()))
        return cls(
            content=fingerprint(*files),
            learnt=Side.of(learnt, tokenizer),
            test=Side.of(test, tokenizer),
            leaked=_share(sum(normalized(each.content) in known for each in test), len(test)),
        )

    @classmethod
    def read(cls, file: Path) -> Self:
        """The profile in a file; raises DataError or ConfigError."""
        return cls.parse(read_json(file), where=str(file))

    def write(self, folder: Path) -> None:
        """Writes profile.json into a folder, whole or not at all."""
        write_json(folder / FILE_NAME, self.model_dump())


def length_bin(length: int) -> int:
    """The lower bound of the bin of a length: the least integer of a half octave.

    Bins begin at powers of √2 (1, 2, 3, 4, 6, 8, 12, 16, 23, …), so that they are as wide as
    lengths are large; 0 is a bin of its own.
    """
    return math.ceil(2 ** (math.floor(2 * math.log2(length)) / 2)) if length else 0


def is_visible(text: str) -> bool:
    """Whether the text shows anything: more than white space, control and lost characters."""
    return any(
        character.isprintable() and not character.isspace() and character != REMOVED
        for character in text
    )


def unknown_share(texts: Sequence[str], tokenizer: Tokenizer) -> float:
    """The share of [UNK] among the tokens of all texts, in 0 … 1."""
    unknown_id = tokenizer.vocabulary[UNK]
    unknown = total = 0
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        for encoding in tokenizer.encode(texts[start : start + TEXTS_AT_ONCE]):
            unknown += encoding.ids.count(unknown_id)
            total += len(encoding.ids)
    return _share(unknown, total)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
