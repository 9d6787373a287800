"""`bertline predict` and `bertline diff`. Imports neither kfp nor YAML, and one runtime at most."""

import codecs
import contextlib
import io
import json
import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from bertline.errors import ConfigError
from bertline.evaluation.address import find_model
from bertline.evaluation.diff import describe, differences
from bertline.evaluation.inference import (
    LoadedModel,
    load,
    parse_items,
    preferred_name,
    read_items,
)
from bertline.export.instruction_sets import InstructionSetWarning
from bertline.export.listing import Exports
from bertline.features.answers import Answer, Item
from bertline.features.batches import MODEL_INPUTS, FeatureSet, pad_batch
from bertline.features.kinds import Kind
from bertline.files import new_file
from bertline.progress import Progress

LOOKED_INTO = 8
"""Texts on which the tensors of two files are compared."""
STANDARD_INPUT = "-"

Row = tuple[str, Item]
Answers = Iterator[tuple[str, Item, Answer]]


def predict_texts(
    model: str,
    device: str,
    texts: Sequence[str],
    context: str | None,
    *,
    verify: bool = True,
    trust: bool = False,
) -> None:
    """Prints each text with the model's answer.

    context: the second text of each item, that is a question's context or the other of a pair.
    verify, trust: as in `load`.
    """
    loaded = open_model(model, device, verify=verify, trust=trust)
    kind = loaded.kind
    if context is None and kind.min_fields > 1:
        raise ConfigError(f"the model reads {' and '.join(kind.fields)}; give --context TEXT")
    if context is not None and len(kind.fields) == 1:
        raise ConfigError(f"{model}: the model reads one {kind.fields[0]}; leave --context out")
    items: list[Item] = [text if context is None else (text, context) for text in texts]
    for text, item, answer in zip(texts, items, loaded.predict(items), strict=True):
        print(text)
        for line in answer.lines(item):
            print(f"  {line}")


def predict_file(
    model: str,
    device: str,
    source: Path,
    output: Path | None,
    *,
    verify: bool = True,
    trust: bool = False,
) -> None:
    """Writes one line of JSON per answer, in the order of the texts; progress to standard error.

    source: a file of JSON lines, "-" for standard input. verify, trust: as in `load`. Raises
    ConfigError, before anything is read, where `output` is the same file.
    """
    if output is not None and _is_same_file(source, output):
        raise ConfigError(f"{output}: --output is the file of --input; give another one")
    loaded = open_model(model, device, verify=verify, trust=trust)
    is_file = not _is_standard_input(source)  # which is read once: how much will come is not known
    total = sum(1 for _ in _rows(source, loaded.kind)) if is_file else None
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(_sink(output))
        progress = Progress("predict", total, "texts")
        # On a terminal the answers show how far it is.
        show = output is not None or not sys.stdout.isatty()
        update = stack.enter_context(progress).update if show else int
        is_utf8 = codecs.lookup(sink.encoding).name == "utf-8"
        for identifier, item, answer in _answers(loaded, _rows(source, loaded.kind), update):
            texts = item if isinstance(item, tuple) else (item,)
            asked = dict(zip(loaded.kind.fields, texts, strict=False))
            line = {"id": identifier, **asked, **answer.as_json(item)}
            sink.write(f"{json.dumps(line, ensure_ascii=not is_utf8, allow_nan=False)}\n")


def diff(first: str, second: str, device: str, data: Path, trust: bool = False) -> None:
    """Prints every text of `data` that two files answer differently, and how many there are.

    Of two LiteRT files also the first site at which they compute something else.
    data: a file of JSON lines, or a folder with one of its test examples (test.jsonl).
    """
    source = data / "test.jsonl" if data.is_dir() else data
    models = [open_model(model, device, trust=trust) for model in (first, second)]
    rows = list(_rows(source, models[0].kind))
    answers = []
    for model in models:
        with Progress("predict", len(rows), "texts") as progress:
            answers.append(list(_answers(model, rows, progress.update)))
    items = [item for _, item in rows]
    pairs = ([answer for _, _, answer in rows] for rows in answers)
    count = 0
    for difference in differences(items, *pairs):
        count += 1
        item = difference.item
        print(f"{rows[difference.index][0]}: {item if isinstance(item, str) else item[0]}")
        print(f"  - {describe(difference.first, item)}")
        print(f"  + {describe(difference.second, item)}")
    print(f"{count:,} of {len(items):,} answers differ")
    parting = _first_divergence((_file(first), _file(second)), models[0], items)
    if parting and items:
        print(parting)


def _first_divergence(
    files: tuple[Path, Path], model: LoadedModel, items: Sequence[Item]
) -> str | None:
    """Where two LiteRT files begin to differ, in words; None for files of other runtimes."""
    first, second = files
    if {first.suffix, second.suffix} != {".tflite"}:
        return None
    from bertline.evaluation.divergence import THRESHOLD, first_divergence
    from bertline.modeling.families.lookup import family_of

    records = model.kind.encode_items(model.tokenizer, items[:LOOKED_INTO], model.spec.inputs)
    features = FeatureSet.of(records)
    samples = [
        pad_batch(features, [row], MODEL_INPUTS, length)
        for row, length in enumerate(features.lengths.tolist())
    ]
    sites = family_of(model.spec.encoder).sites
    found = first_divergence(first, second, samples, sites)
    if found is None:
        return f"no tensor that both have differs by more than {100 * THRESHOLD:g} %"
    return (
        f"they part at {found.site}, the first to differ by more than {100 * THRESHOLD:g} % "
        f"({100 * found.difference:.1f} %, {found.tensor})"
    )


def open_model(model: str, device: str, *, verify: bool = True, trust: bool = False) -> LoadedModel:
    """As `load`; what that warns of goes to standard error, one line each."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", InstructionSetWarning)
        loaded = load(model, device=device, verify=verify, trust=trust)
    for note in notes:
        print(f"note: {note.message}", file=sys.stderr)
    return loaded


def _file(model: str) -> Path:
    """The file that is loaded for a path or an address."""
    folder, name = find_model(model)
    files = {file.name: file.path for file in Exports.read(folder).files}
    return folder / files[name or preferred_name(folder)]


def _is_same_file(source: Path, output: Path) -> bool:
    """Whether both are one file, by whatever path, link or redirection."""
    try:
        given = os.fstat(sys.stdin.fileno()) if _is_standard_input(source) else source.stat()
        return os.path.samestat(given, output.stat())
    except OSError:
        return False


def _is_standard_input(source: Path) -> bool:
    return str(source) == STANDARD_INPUT


def _rows(source: Path, kind: Kind) -> Iterator[Row]:
    """(id, item) of each line of a file of JSON lines, or of standard input."""
    if _is_standard_input(source):
        return parse_items(sys.stdin.buffer, "standard input", kind)
    return read_items(source, kind)


def _answers(model: LoadedModel, rows: Iterable[Row], update: Callable[[int], object]) -> Answers:
    """(id, item, answer) of each row, as batches are done."""
    waiting: deque[Row] = deque()

    def items() -> Iterator[Item]:
        for row in rows:
            waiting.append(row)
            yield row[1]

    for answer in model.predict_stream(items(), progress=update):
        yield *waiting.popleft(), answer


@contextlib.contextmanager
def _sink(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that is there whole or not at all."""
    if output is None:
        yield sys.stdout
        return
    with new_file(output) as stream:
        text = io.TextIOWrapper(stream, "utf-8")
        yield text
        text.detach()  # which flushes
