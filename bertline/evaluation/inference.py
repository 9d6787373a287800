"""Answers of an exported model about texts: `bertline.load(FOLDER).predict([...])`.

Light to import: NumPy, tokenizers and pydantic; the runtime comes with the file that is opened.
"""

import itertools
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bertline.errors import ConfigError, DataError
from bertline.evaluation.forward import SINGLE_MULTIPLE, forward
from bertline.evaluation.predictors import Predictor, is_installed, open_predictor, warm
from bertline.evaluation.predictors.open import RUNTIMES
from bertline.evaluation.remote import local_path
from bertline.export.instruction_sets import (
    InstructionSetWarning,
    find_instruction_set,
    note_on_verdict,
)
from bertline.export.listing import ExportedFile, Exports
from bertline.features.answers import Answer, Item, Meanings, rows_by_example
from bertline.features.batches import FeatureSet, round_up
from bertline.features.kinds import KINDS, Kind
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec
from bertline.tasks import KIND_OF_HEAD

PREFERRED = {
    True: ("openvino_int8", "litert_dynamic_int8", "saved_model"),
    False: ("litert_dynamic_int8", "openvino_int8", "saved_model"),
}
"""Whether the processor has VNNI → the files to take, the fastest first (docs/results.md)."""
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

    @property
    def kind(self) -> Kind:
        """What the model takes and gives."""
        return KINDS[KIND_OF_HEAD[self.spec.head]]

    def predict(self, items: Sequence[Item]) -> list[Any]:
        """One answer an item, in their order: a TaggedAnswer, a LabelAnswer or a SpanAnswer.

        An item is a text; for a model of pairs (text, second text); for a model that answers
        questions (question, context). Of an item longer than the model's max_seq_length the
        beginning is read; its answer says `truncated`. Raises DataError, naming its number, for
        what is no such item or has no words.
        """
        if isinstance(items, str):
            raise DataError(f"predict takes a list of texts, got one: give [{items[:40]!r}]")
        return list(self.predict_stream(items, chunk=max(len(items), 1)))

    def predict_stream(
        self,
        items: Iterable[Item],
        chunk: int = 1024,
        progress: Callable[[int], object] = lambda count: None,
    ) -> Iterator[Any]:
        """As `predict`, answering as `items` come and holding at most `chunk` of them.

        progress: called with the number of items when they are done.
        """
        remaining = iter(items)
        first = 1
        while some := list(itertools.islice(remaining, chunk)):
            yield from self._answers(some, first, progress)
            first += len(some)

    def warm(self) -> None:
        """Runs one text of every padded length, so that no later text waits for preparations."""
        longest = round_up(self.spec.inputs.max_seq_length, SINGLE_MULTIPLE)
        warm(self.predictor, range(SINGLE_MULTIPLE, longest + 1, SINGLE_MULTIPLE))

    def _answers(
        self, items: list[Item], first: int, progress: Callable[[int], object]
    ) -> Sequence[Answer]:
        for number, item in enumerate(items, start=first):
            self.kind.check_item(item, number)
        records = self.kind.encode_items(self.tokenizer, items, self.spec.inputs)
        features = FeatureSet.of(records)
        specials = {self.tokenizer.cls_id, self.tokenizer.sep_id}
        for item, rows in zip(items, rows_by_example(features.ids), strict=True):
            if specials.issuperset(features.columns["input_ids"][rows[0]].tolist()):
                number = first + int(features.ids[rows[0]])
                raise DataError(f"text {number} ({item!r:.40}) has no words; leave it out")
        done = 0

        def update(count: int) -> None:
            # Of a question there are several records: what is done of them is told as items.
            nonlocal done
            before, done = done, done + count
            progress(done * len(items) // len(records) - before * len(items) // len(records))

        logits = forward(self.predictor, features, np.arange(len(records)), BATCH_SIZE, update)
        meanings = Meanings(self.tokenizer, self.spec.labels, self.spec.answering)
        return self.kind.decode(items, features, logits, meanings)


def load(
    folder: str | Path, name: str | None = None, device: str = "CPU", num_threads: int | None = None
) -> LoadedModel:
    """The model of an exported folder, ready to answer.

    folder: an exported folder, a version folder of a registry, or a model's folder in a registry,
    of which the `latest` version is taken; a path or an address at gs://. name: which of its files,
    by default the fastest kind whose runtime is installed (PREFERRED, then the others). device,
    num_threads: as in `open_predictor`, whose errors are raised too. Warns, by
    InstructionSetWarning, where the gate's verdict on an int8 file may not hold on this processor.
    """
    folder = version_folder(local_path(folder))
    spec = ModelSpec.read(folder)
    tokenizer = Tokenizer.from_vocab(folder / "vocab.txt", spec.encoder.do_lower_case)
    chosen = name or preferred_name(folder)
    predictor = open_predictor(folder, chosen, device, num_threads)
    file = next(file for file in Exports.read(folder).files if file.name == chosen)
    note = note_on_verdict(folder, file, find_instruction_set(file.runtime))
    if note and device == "CPU":
        warnings.warn(note, InstructionSetWarning, stacklevel=2)
    return LoadedModel(spec, tokenizer, predictor)


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
    preferred = PREFERRED[find_instruction_set("openvino").has_vnni]

    def rank(file: ExportedFile) -> int:
        return preferred.index(file.name) if file.name in preferred else len(preferred)

    files = sorted(Exports.read(folder).files, key=rank)
    runnable = [file.name for file in files if is_installed(file)]
    if not runnable:
        extras = sorted({RUNTIMES[file.runtime].extra for file in files})
        raise ConfigError(
            f"{folder}: no package that runs one of its files is installed; "
            f"pip install 'bertline[{extras[0]}]' ({' or '.join(extras)})"
        )
    return runnable[0]


def read_items(path: Path, kind: Kind) -> Iterator[tuple[str, Item]]:
    """(id, item) of each line of a JSON-lines file, as it is read.

    A line is an object with the kind's fields, and "id" if it has one, or the JSON string of its
    first field; the id of a line without one is its number, from "1". Blank lines are passed over.
    Raises DataError naming the line.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; give a file of JSON lines") from None
    with stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                fields = _fields_of(line, kind)
                item = kind.parse_item(fields, f"{path}:{number}")
                yield str(fields.get("id", number)), item


def _fields_of(line: bytes, kind: Kind) -> dict[str, Any]:
    try:
        value: Any = json.loads(line)
    except ValueError:
        value = line.decode("utf-8", errors="backslashreplace").strip()
        return {"not JSON": value}
    return value if isinstance(value, dict) else {kind.fields[0]: value}
