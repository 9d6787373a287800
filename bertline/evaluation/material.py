"""What every file of a model is run on: test examples, agreement texts, and the truth."""

import functools
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bertline.artifacts import read_manifest
from bertline.errors import DataError
from bertline.evaluation.judges import Judge, judge_for
from bertline.examples import Example, read_split
from bertline.features.answers import Item, Meanings, rows_by_example
from bertline.features.batches import FeatureSet
from bertline.features.kinds import KINDS, Kind
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec
from bertline.tasks import get_task

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """One split: `features` in the order of `examples`, of which each has one row or several."""

    kind: Kind
    examples: list[Example]
    features: FeatureSet

    @classmethod
    def read(cls, examples: Path, features: Path, name: str) -> Self:
        """The split `name`; raises DataError if the two folders do not belong together."""
        from bertline.features.records import read_features

        kind = read_manifest(examples, "examples").about["example_kind"]
        split = cls(
            kind=KINDS[kind],
            examples=list(read_split(examples / f"{name}.jsonl", kind)),
            features=read_features(features, name),
        )
        ids = split.features.ids
        if [example.id for example in split.examples] != [ids[rows[0]] for rows in split.rows]:
            raise DataError(
                f"{features}: split {name!r} is not made from {examples}; run tokenize again"
            )
        return split

    @functools.cached_property
    def rows(self) -> list[list[int]]:
        """The rows of `features` that each example has."""
        return list(rows_by_example(self.features.ids))

    @functools.cached_property
    def items(self) -> list[Item]:
        """What each example asks."""
        return [self.kind.item(example) for example in self.examples]

    def part(self, chosen: Rows) -> "Split":
        """The examples of these numbers, with their rows."""
        rows = np.array([row for number in chosen.tolist() for row in self.rows[number]], np.int64)
        examples = [self.examples[number] for number in chosen.tolist()]
        return Split(self.kind, examples, self.features.part(rows))


@dataclass(frozen=True)
class Material:
    """The same for every file.

    truths: of the test examples, as the judge wants them. leaked: bool [test examples], whether the
    text is in training too. agreement: training examples that no calibration has seen.
    latency_rows, throughput_rows: rows of `test`.
    """

    spec: ModelSpec
    meanings: Meanings
    judge: Judge
    test: Split
    truths: Sequence[Any]
    leaked: NDArray[np.bool_]
    train: Split
    agreement: Split
    latency_rows: Rows
    throughput_rows: Rows

    @classmethod
    def gather(
        cls,
        exported: Path,
        features: Path,
        examples: Path,
        calibration_ids: Collection[str],
        agreement_examples: int,
        latency_examples: int,
        throughput_examples: int,
    ) -> Self:
        """The material in these artifacts; raises DataError if they do not belong together."""
        spec = ModelSpec.read(exported)
        if read_manifest(features, "features").about["labels"] != spec.labels:
            raise DataError(f"{features}: labels are not those of {exported}; run tokenize again")
        tokenizer = Tokenizer.from_vocab(exported / "vocab.txt", spec.encoder)
        test = Split.read(examples, features, "test")
        train = Split.read(examples, features, "train")
        judge = judge_for(get_task(spec.task))
        in_training = set(read_manifest(examples, "examples").about["report"]["test_in_train"])
        train_ids = [example.id for example in train.examples]
        return cls(
            spec=spec,
            meanings=Meanings(tokenizer, spec.labels, spec.answering),
            judge=judge,
            test=test,
            truths=judge.truths(test.examples, tokenizer),
            leaked=np.array([example.id in in_training for example in test.examples], np.bool_),
            train=train,
            agreement=train.part(pick(train_ids, agreement_examples, set(calibration_ids))),
            latency_rows=_pick_rows(test, latency_examples),
            throughput_rows=_pick_rows(test, throughput_examples),
        )


def _pick_rows(split: Split, count: int) -> Rows:
    """The first row of each of up to `count` examples."""
    chosen = pick([example.id for example in split.examples], count)
    return np.array([split.rows[number][0] for number in chosen.tolist()], np.int64)


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
