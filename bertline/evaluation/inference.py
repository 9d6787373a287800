"""Answers of an exported model about texts: `bertline.load(FOLDER).predict([...])`.

Light to import: NumPy, tokenizers and pydantic; the runtime comes with the file that is opened.
"""

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertline.errors import CheckpointError, ConfigError, DataError
from bertline.evaluation.address import find_model
from bertline.evaluation.forward import SINGLE_MULTIPLE, forward
from bertline.evaluation.predictors import Predictor, is_installed, open_predictor, warm
from bertline.evaluation.predictors.open import RUNTIMES
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
from bertline.files import check_readable
from bertline.integrity import verify_if_artifact
from bertline.json_values import parse_json
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.base import ENCODER_FILE
from bertline.tasks import KIND_OF_HEAD, TASKS

PREFERRED = {
    True: ("openvino_int8", "litert_dynamic_int8", "saved_model"),
    False: ("litert_dynamic_int8", "openvino_int8", "saved_model"),
}
"""Whether the processor has VNNI → the files to take, the fastest first (docs/results.md)."""
BATCH_SIZE = 32


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
        kind = KINDS[KIND_OF_HEAD[self.spec.head]]
        task = TASKS.get(self.spec.task)
        return replace(kind, fields=kind.fields[: task.max_texts]) if task else kind

    def predict(self, items: Sequence[Item]) -> list[Any]:
        """One answer an item, in their order: a TaggedAnswer, a LabelAnswer or a SpanAnswer.

        An item is a text; for a model of pairs (text, second text); for a model that answers
        questions (question, context). Of an item longer than the model's max_seq_length the
        beginning is read; its answer says `truncated`. Raises DataError, naming its number, for
        what is no such item or has no words, and CheckpointError where the answer is not a number.
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
            if isinstance(item, tuple):
                self.spec.encoder.check_pairs(f"text {number}")
        records = self.kind.encode_items(self.tokenizer, items, self.spec.inputs)
        features = FeatureSet.of(records)
        for item, rows in zip(items, rows_by_example(features.ids), strict=True):
            if self._has_nothing_to_read(features.columns["input_ids"][rows[0]]):
                number = first + int(features.ids[rows[0]])
                raise DataError(f"text {number} ({item!r:.40}) has no words; leave it out")
        done = 0

        def update(count: int) -> None:
            # Of a question there are several records: what is done of them is told as items.
            nonlocal done
            before, done = done, done + count
            progress(done * len(items) // len(records) - before * len(items) // len(records))

        logits = forward(self.predictor, features, np.arange(len(records)), BATCH_SIZE, update)
        for row, of_row in enumerate(logits):
            if not all(np.isfinite(values).all() for values in of_row.values()):
                raise CheckpointError(
                    f"text {first + int(features.ids[row])}: {self.predictor.name} answers with "
                    "NaN or infinity; export the model again or take another of its files"
                )
        meanings = Meanings(self.tokenizer, self.spec.labels, self.spec.answering)
        return self.kind.decode(items, features, logits, meanings)

    def _has_nothing_to_read(self, input_ids: NDArray[np.int32]) -> bool:
        """Whether a text, or one of a pair, has no tokens between the special ones around it."""
        is_special = (input_ids == self.tokenizer.cls_id) | (input_ids == self.tokenizer.sep_id)
        return bool((is_special[:-1] & is_special[1:]).any())


def load(
    folder: str | Path,
    name: str | None = None,
    device: str = "CPU",
    num_threads: int | None = None,
    verify: bool = True,
    trust: bool = False,
) -> LoadedModel:
    """The model of an exported folder, ready to answer, also from many threads at once.

    folder: a path or gs:// address of a model, of a run or of one of the model's files; see
    `find_model`. name: which file, by default the one that `folder` names, or else the fastest kind
    whose runtime is installed (PREFERRED, then the others). device, num_threads, trust: as in
    `open_predictor`, whose errors are raised too. A SavedModel is a program: with trust=True
    loading one runs whatever is in it. verify: compare all files of the folder with its manifest
    first, once in a process, and raise DataError for a damaged one; False saves reading a very
    large model twice. Warns, by InstructionSetWarning, where the gate's verdict on an int8 file may
    not hold on this processor.

    Calls from several threads need no lock around them. OpenVINO has a request for each thread,
    LiteRT a lock, since interpreters for each were not faster; TensorFlow runs calls side by side.
    The classes in bertline.evaluation.predictors give the measurements.
    """
    place = find_model(folder, verify)
    if verify:
        verify_if_artifact(place.folder)
    spec = _spec_of(place.folder, folder)
    tokenizer = Tokenizer.from_vocab(place.folder / "vocab.txt", spec.encoder)
    chosen = name or place.name or preferred_name(place.folder)
    predictor = open_predictor(place.folder, chosen, device, num_threads, trust)
    file = next(file for file in Exports.read(place.folder).files if file.name == chosen)
    note = note_on_verdict(place.folder, file, find_instruction_set(file.runtime))
    if note and device == "CPU":
        warnings.warn(note, InstructionSetWarning, stacklevel=2)
    return LoadedModel(spec, tokenizer, predictor)


def _spec_of(folder: Path, address: str | Path) -> ModelSpec:
    """The description of the model in an exported folder; ConfigError if it answers nothing."""
    if not (folder / ModelSpec.file_name).is_file():
        what = "an encoder" if (folder / ENCODER_FILE).is_file() else "a graph"
        raise ConfigError(
            f"{address}: holds {what} without a head of ours, which answers nothing; convert a "
            "checkpoint with a classifier, or train one with `bertline run`"
        )
    return ModelSpec.read(folder)


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

    A line is an object with the kind's fields, and "id" (a string or a number) if it has one, or
    the JSON string of its first field; the id of a line without one, or with null, is its number,
    from "1". Blank lines are passed over. Raises DataError naming the line.
    """
    try:
        stream = check_readable(path).open("rb")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; give a file of JSON lines") from None
    with stream:
        yield from parse_items(stream, str(path), kind)


def parse_items(lines: Iterable[bytes], where: str, kind: Kind) -> Iterator[tuple[str, Item]]:
    """As `read_items`, of lines that come from `where`."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            fields = _fields_of(line, kind)
            item = kind.parse_item(fields, f"{where}:{number}")
            yield _id_of(fields, number, where), item


def _id_of(fields: dict[str, Any], number: int, where: str) -> str:
    """The id in a line's fields, or the line's number."""
    found = fields.get("id")
    if found is None:
        return str(number)
    if isinstance(found, bool) or not isinstance(found, str | int | float) or found == "":
        raise DataError(f"{where}:{number}: id {found!r:.60}; give a string or a number")
    return str(found)


def _fields_of(line: bytes, kind: Kind) -> dict[str, Any]:
    try:
        value: Any = parse_json(line, "")
    except DataError:
        value = line.decode("utf-8", errors="backslashreplace").strip()
        return {"not JSON": value}
    return value if isinstance(value, dict) else {kind.fields[0]: value}
