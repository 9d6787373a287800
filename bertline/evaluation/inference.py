"""Answers of an exported model about texts: `bertline.load(FOLDER).predict([...])`.

Light to import: NumPy, tokenizers and pydantic; the runtime comes with the file that is opened.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertline.errors import ConfigError, DataError
from bertline.evaluation.forward import SINGLE_MULTIPLE, forward
from bertline.evaluation.predictors import Predictor, is_installed, open_predictor, warm
from bertline.evaluation.predictors.open import RUNTIMES
from bertline.export.listing import ExportedFile, Exports
from bertline.features.batches import FeatureSet, round_up
from bertline.features.decode import TaggedAnswer, decode_tagged_text
from bertline.features.encode import encode_tagged_texts
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec

PREFERRED = ("openvino_int8", "litert_dynamic_int8", "saved_model")
BATCH_SIZE = 32
MODEL_FILE = "model.json"


@dataclass(frozen=True)
class LoadedModel:
    """An exported model, ready to answer.

    >>> model = bertline.load("registry/snips/3")
    >>> model.predict(["play some jazz by miles davis"])[0].intent
    'PlayMusic'
    """

    spec: ModelSpec
    tokenizer: Tokenizer
    predictor: Predictor

    def predict(self, texts: Sequence[str]) -> list[TaggedAnswer]:
        """One answer a text, in their order.

        Of a text longer than the model's max_seq_length the beginning is read; its answer says
        `truncated`. Raises DataError, naming its number, for a text that is no string or has no
        words.
        """
        if isinstance(texts, str):
            raise DataError(f"predict takes a list of texts, got one: give [{texts[:40]!r}]")
        return list(self.predict_stream(texts, chunk=max(len(texts), 1)))

    def predict_stream(
        self,
        texts: Iterable[str],
        chunk: int = 1024,
        progress: Callable[[int], object] = lambda count: None,
    ) -> Iterator[TaggedAnswer]:
        """As `predict`, answering as `texts` come and holding at most `chunk` of them.

        progress: called with the number of texts of each batch when it is done.
        """
        remaining = iter(texts)
        first = 1
        while some := list(itertools.islice(remaining, chunk)):
            yield from self._answers(some, first, progress)
            first += len(some)

    def warm(self) -> None:
        """Runs one text of every padded length, so that no later text waits for preparations."""
        longest = round_up(self.spec.max_seq_length, SINGLE_MULTIPLE)
        warm(self.predictor, range(SINGLE_MULTIPLE, longest + 1, SINGLE_MULTIPLE))

    def _answers(
        self, texts: list[str], first: int, progress: Callable[[int], object]
    ) -> list[TaggedAnswer]:
        for number, text in enumerate(texts, start=first):
            if not isinstance(text, str):
                raise DataError(
                    f"text {number} is {type(text).__name__} {text!r:.40}; give strings"
                )
        records = encode_tagged_texts(self.tokenizer, texts, self.spec.max_seq_length)
        for number, (text, record) in enumerate(zip(texts, records, strict=True), start=first):
            if not record["num_words"][0]:
                raise DataError(f"text {number} ({text!r:.40}) has no words; leave it out")
        rows = np.arange(len(records))
        logits = forward(self.predictor, FeatureSet.of(records), rows, BATCH_SIZE, progress)
        return [
            decode_tagged_text(
                text, record, of_text["intent_logits"], of_text["slot_logits"], self.spec.labels
            )
            for text, record, of_text in zip(texts, records, logits, strict=True)
        ]


def load(
    folder: str | Path, name: str | None = None, device: str = "CPU", num_threads: int | None = None
) -> LoadedModel:
    """The model of an exported folder, ready to answer.

    folder: an exported folder, a version folder of a registry, or a model's folder in a registry,
    of which the `latest` version is taken. name: which of its files, by default the smallest kind
    whose runtime is installed (PREFERRED, then the others). device, num_threads: as in
    `open_predictor`, whose errors are raised too.
    """
    folder = version_folder(Path(folder))
    spec = ModelSpec.read(folder)
    tokenizer = Tokenizer.from_vocab(folder / "vocab.txt", spec.encoder.do_lower_case)
    chosen = name or preferred_name(folder)
    return LoadedModel(spec, tokenizer, open_predictor(folder, chosen, device, num_threads))


def version_folder(folder: Path) -> Path:
    """`folder` itself if it holds a model, else the version that its `latest` names.

    Raises ConfigError if there is neither.
    """
    if (folder / MODEL_FILE).is_file():
        return folder
    try:
        version = (folder / "latest").read_text(encoding="utf-8").strip()
    except OSError:
        raise ConfigError(
            f"{folder}: neither a model folder (no {MODEL_FILE}) nor one of a registry (no "
            "latest); give a folder that export or publish wrote"
        ) from None
    return folder / version


def preferred_name(folder: Path) -> str:
    """The file that `load` takes by default; raises ConfigError if no runtime is installed."""

    def rank(file: ExportedFile) -> int:
        return PREFERRED.index(file.name) if file.name in PREFERRED else len(PREFERRED)

    files = sorted(Exports.read(folder).files, key=rank)
    runnable = [file.name for file in files if is_installed(file)]
    if not runnable:
        extras = sorted({RUNTIMES[file.runtime].extra for file in files})
        raise ConfigError(
            f"{folder}: no package that runs one of its files is installed; "
            f"pip install 'bertline[{extras[0]}]' ({' or '.join(extras)})"
        )
    return runnable[0]


def read_texts(path: Path) -> Iterator[tuple[str, str]]:
    """(id, text) of each line of a JSON-lines file, as it is read.

    A line is {"text": …}, with an "id" if it has one, or a JSON string; the id of a line without
    one is its number, from "1". Blank lines are passed over. Raises DataError naming the line.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; give a file of JSON lines") from None
    with stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _text_of(line, number, path)


def _text_of(line: bytes, number: int, path: Path) -> tuple[str, str]:
    try:
        value: Any = json.loads(line)
    except ValueError:
        value = None
    fields = value if isinstance(value, dict) else {"text": value}
    text = fields.get("text")
    if not isinstance(text, str) or not text.strip():
        got = line.decode("utf-8", errors="backslashreplace").strip()
        raise DataError(
            f'{path}:{number}: expected {{"text": "…"}} or a JSON string, got {got:.60}'
        )
    return str(fields.get("id", number)), text
