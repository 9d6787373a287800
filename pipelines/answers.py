"""`bertline predict` and `bertline diff`. Imports neither kfp nor YAML, and one runtime at most."""

import contextlib
import json
import sys
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from bertline.config import nearest
from bertline.errors import ConfigError
from bertline.evaluation.diff import describe, differences
from bertline.evaluation.inference import (
    LoadedModel,
    load,
    preferred_name,
    read_items,
    version_folder,
)
from bertline.evaluation.remote import local_path
from bertline.export.instruction_sets import InstructionSetWarning
from bertline.export.listing import FILE_NAME, Exports
from bertline.features.answers import Answer, Item
from bertline.features.batches import MODEL_INPUTS, FeatureSet, pad_batch
from bertline.progress import Progress

LOOKED_INTO = 8
"""Texts on which the tensors of two files are compared."""


def predict_texts(model: str, device: str, texts: Sequence[str], context: str | None) -> None:
    """Prints each text with the model's answer.

    context: the second text of each item, that is a question's context or the other of a pair.
    """
    loaded = open_model(model, device)
    items: list[Item] = [text if context is None else (text, context) for text in texts]
    if context is None and loaded.kind.min_fields > 1:
        raise ConfigError(
            f"the model reads {' and '.join(loaded.kind.fields)}; give --context TEXT"
        )
    for text, item, answer in zip(texts, items, loaded.predict(items), strict=True):
        print(text)
        for line in answer.lines(item):
            print(f"  {line}")


def predict_file(model: str, device: str, source: Path, output: Path | None) -> None:
    """Writes one JSON line an answer, in the order of the texts; progress to standard error."""
    loaded = open_model(model, device)
    with _sink(output) as sink:
        for identifier, item, answer in _answers(loaded, source, output is not None):
            texts = item if isinstance(item, tuple) else (item,)
            asked = dict(zip(loaded.kind.fields, texts, strict=False))
            line = {"id": identifier, **asked, **answer.as_json(item)}
            sink.write(f"{json.dumps(line, ensure_ascii=False)}\n")


def diff(first: str, second: str, device: str, data: Path) -> None:
    """Prints every text of `data` that two files answer differently, and how many there are.

    Of two LiteRT files also the first site at which they compute something else.
    data: a file of JSON lines, or a folder with one of its test examples (test.jsonl).
    """
    source = data / "test.jsonl" if data.is_dir() else data
    paths = (local_path(first), local_path(second))
    models = [_load(path, device) for path in paths]
    answers = [list(_answers(model, source, True)) for model in models]
    items = [item for _, item, _ in answers[0]]
    pairs = ([answer for _, _, answer in rows] for rows in answers)
    count = 0
    for difference in differences(items, *pairs):
        count += 1
        item = difference.item
        print(f"{answers[0][difference.index][0]}: {item if isinstance(item, str) else item[0]}")
        print(f"  - {describe(difference.first, item)}")
        print(f"  + {describe(difference.second, item)}")
    print(f"{count:,} of {len(items):,} answers differ")
    parting = _first_divergence(paths, models[0], items)
    if parting and items:
        print(parting)


def _first_divergence(
    paths: tuple[Path, Path], model: LoadedModel, items: Sequence[Item]
) -> str | None:
    """Where two LiteRT files begin to differ, in words; None for files of other runtimes."""
    first, second = (_file(path) for path in paths)
    if {first.suffix, second.suffix} != {".tflite"}:
        return None
    from bertline.evaluation.divergence import THRESHOLD, first_divergence

    records = model.kind.encode_items(model.tokenizer, items[:LOOKED_INTO], model.spec.inputs)
    features = FeatureSet.of(records)
    samples = [
        pad_batch(features, [row], MODEL_INPUTS, length)
        for row, length in enumerate(features.lengths.tolist())
    ]
    found = first_divergence(first, second, samples)
    if found is None:
        return f"no tensor that both have differs by more than {100 * THRESHOLD:g} %"
    return (
        f"they part at {found.site}, the first to differ by more than {100 * THRESHOLD:g} % "
        f"({100 * found.difference:.1f} %, {found.tensor})"
    )


def open_model(model: str, device: str) -> LoadedModel:
    """The model at a path or an address: a model folder, or a file in it, by its path or its name.

    Raises ConfigError for what is neither, and what `load` raises.
    """
    return _load(local_path(model), device)


def _load(path: Path, device: str) -> LoadedModel:
    """As `load`; what that warns of goes to standard error, one line each."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", InstructionSetWarning)
        loaded = load(*_place(path), device)
    for note in notes:
        print(f"note: {note.message}", file=sys.stderr)
    return loaded


def _file(path: Path) -> Path:
    """The file that is loaded for a path."""
    folder, name = _place(path)
    folder = version_folder(folder)
    files = {file.name: file.path for file in Exports.read(folder).files}
    return folder / files[name or preferred_name(folder)]


def _place(path: Path) -> tuple[Path, str | None]:
    """The model folder in which `path` lies and the name of the file there, None for the folder."""
    for folder in (path, *path.parents):
        if (folder / FILE_NAME).is_file() or (folder / "latest").is_file():
            break
    else:
        raise ConfigError(f"{path}: no model (no {FILE_NAME}); give a folder that export wrote")
    rest = path.relative_to(folder).as_posix()
    if rest == ".":
        return folder, None
    files = Exports.read(version_folder(folder)).files
    for file in files:
        if rest in (file.name, file.path) or rest.startswith(f"{file.name}/"):
            return folder, file.name
    names = [file.name for file in files]
    raise ConfigError(f"{folder}: no exported file {rest!r}; {nearest(rest, names)}")


def _answers(model: LoadedModel, source: Path, show: bool) -> Iterator[tuple[str, Item, Answer]]:
    """(id, item, answer) of each line of a JSON-lines file, as batches are done."""
    waiting: deque[tuple[str, Item]] = deque()

    def items() -> Iterator[Item]:
        for identifier, item in read_items(source, model.kind):
            waiting.append((identifier, item))
            yield item

    is_stream = source.exists() and not source.is_file()  # a pipe is read once
    total = None if is_stream else sum(1 for _ in read_items(source, model.kind))
    show = show or not sys.stdout.isatty()
    with contextlib.ExitStack() as stack:
        update = stack.enter_context(Progress("predict", total, "texts")).update if show else int
        for answer in model.predict_stream(items(), progress=update):
            yield *waiting.popleft(), answer


@contextlib.contextmanager
def _sink(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that is there whole or not at all."""
    if output is None:
        yield sys.stdout
        return
    temporary = output.with_name(f".{output.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            yield stream
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
