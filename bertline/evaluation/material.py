"""What every file of a model is run on: test examples, agreement texts, and the truth."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bertline.artifacts import read_manifest
from bertline.errors import DataError
from bertline.examples import TaggedText, read_split
from bertline.features.batches import FeatureSet
from bertline.features.encode import word_tags
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """The right answer: the intent, and a BIO tag for every word of the text, cut off or not."""

    intent: str
    tags: list[str]


@dataclass(frozen=True)
class Split:
    """One split: `features` row by row of `examples`."""

    examples: list[TaggedText]
    features: FeatureSet

    @classmethod
    def read(cls, examples: Path, features: Path, name: str) -> Self:
        """The split `name`; raises DataError if the two folders do not belong together."""
        from bertline.features.records import read_features

        kind = read_manifest(examples, "examples").about["example_kind"]
        split = cls(
            examples=list(read_split(examples / f"{name}.jsonl", kind)),
            features=read_features(features, name),
        )
        if [example.id for example in split.examples] != split.features.ids:
            raise DataError(
                f"{features}: split {name!r} is not made from {examples}; run tokenize again"
            )
        return split


@dataclass(frozen=True)
class Material:
    """The same for every file.

    truths: of the test examples. leaked: bool [test examples], whether the text is in training
    too. agreement_rows: rows of `train` that no calibration has seen. latency_rows: rows of `test`.
    """

    spec: ModelSpec
    test: Split
    truths: list[Truth]
    leaked: NDArray[np.bool_]
    train: Split
    agreement_rows: Rows
    latency_rows: Rows

    @classmethod
    def gather(
        cls,
        exported: Path,
        features: Path,
        examples: Path,
        calibration_ids: Collection[str],
        agreement_examples: int,
        latency_examples: int,
    ) -> Self:
        """The material in these artifacts; raises DataError if they do not belong together."""
        spec = ModelSpec.read(exported)
        if read_manifest(features, "features").about["labels"] != spec.labels:
            raise DataError(f"{features}: labels are not those of {exported}; run tokenize again")
        tokenizer = Tokenizer.from_vocab(exported / "vocab.txt", spec.encoder.do_lower_case)
        test = Split.read(examples, features, "test")
        train = Split.read(examples, features, "train")
        encodings = tokenizer.encode([example.text for example in test.examples])
        truths = [
            Truth(example.intent, word_tags(encoding, example.slots))
            for example, encoding in zip(test.examples, encodings, strict=True)
        ]
        in_training = set(read_manifest(examples, "examples").about["report"]["test_in_train"])
        return cls(
            spec=spec,
            test=test,
            truths=truths,
            leaked=np.array([id in in_training for id in test.features.ids], np.bool_),
            train=train,
            agreement_rows=pick(train.features.ids, agreement_examples, set(calibration_ids)),
            latency_rows=pick(test.features.ids, latency_examples),
        )


def pick(ids: Sequence[str], count: int, excluded: Collection[str] = ()) -> Rows:
    """Up to `count` rows of `ids` in ascending order, none `excluded`, chosen by hash.

    The choice depends on the ids alone, not on their order.
    """
    hashed = sorted(
        (hashlib.sha256(id.encode()).digest(), row)
        for row, id in enumerate(ids)
        if id not in excluded
    )
    return np.array(sorted(row for _, row in hashed[:count]), np.int64)
