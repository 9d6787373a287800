"""`bertline predict` and `bertline diff`. Imports neither kfp nor YAML, and one runtime at most."""

import contextlib
import json
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from bertline.config import nearest
from bertline.errors import ConfigError
from bertline.evaluation.diff import describe, differences
from bertline.evaluation.inference import LoadedModel, load, read_texts, version_folder
from bertline.export.listing import FILE_NAME, Exports
from bertline.features.decode import TaggedAnswer
from bertline.progress import Progress


def predict_texts(model: Path, device: str, texts: Sequence[str]) -> None:
    """Prints for each text its intent with the probability, and its slots."""
    for text, answer in zip(texts, open_model(model, device).predict(texts), strict=True):
        cut = ", of the beginning of a too long text" if answer.truncated else ""
        print(f"{text}\n  intent: {answer.intent} ({answer.probability:.3f}{cut})")
        for slot in answer.slots:
            print(f"  {slot.label}: {text[slot.start : slot.end]}")


def predict_file(model: Path, device: str, source: Path, output: Path | None) -> None:
    """Writes one JSON line an answer, in the order of the texts; progress to standard error."""
    loaded = open_model(model, device)
    with _sink(output) as sink:
        for identifier, text, answer in _answers(loaded, source, output is not None):
            line = json.dumps(_as_json(identifier, text, answer), ensure_ascii=False)
            sink.write(f"{line}\n")


def diff(first: Path, second: Path, device: str, data: Path) -> None:
    """Prints every text of `data` that two files answer differently, and how many there are.

    data: a file of JSON lines, or a folder with one of its test examples (test.jsonl).
    """
    source = data / "test.jsonl" if data.is_dir() else data
    answers = []
    for path in (first, second):
        answers.append(list(_answers(open_model(path, device), source, True)))
    texts = [text for _, text, _ in answers[0]]
    pairs = ([answer for _, _, answer in rows] for rows in answers)
    count = 0
    for difference in differences(texts, *pairs):
        count += 1
        print(f"{answers[0][difference.index][0]}: {difference.text}")
        print(f"  - {describe(difference.first, difference.text)}")
        print(f"  + {describe(difference.second, difference.text)}")
    print(f"{count:,} of {len(texts):,} answers differ")


def open_model(path: Path, device: str) -> LoadedModel:
    """The model at `path`: a model folder, or one of the files in it, by its path or its name.

    Raises ConfigError for what is neither, and what `load` raises.
    """
    for folder in (path, *path.parents):
        if (folder / FILE_NAME).is_file() or (folder / "latest").is_file():
            break
    else:
        raise ConfigError(f"{path}: no model (no {FILE_NAME}); give a folder that export wrote")
    rest = path.relative_to(folder).as_posix()
    if rest == ".":
        return load(folder, device=device)
    files = Exports.read(version_folder(folder)).files
    for file in files:
        if rest in (file.name, file.path) or rest.startswith(f"{file.name}/"):
            return load(folder, file.name, device)
    names = [file.name for file in files]
    raise ConfigError(f"{folder}: no exported file {rest!r}; {nearest(rest, names)}")


def _answers(
    model: LoadedModel, source: Path, show: bool
) -> Iterator[tuple[str, str, TaggedAnswer]]:
    """(id, text, answer) of each line of a JSON-lines file, as batches are done."""
    waiting: deque[tuple[str, str]] = deque()

    def texts() -> Iterator[str]:
        for identifier, text in read_texts(source):
            waiting.append((identifier, text))
            yield text

    is_stream = source.exists() and not source.is_file()  # a pipe is read once
    total = None if is_stream else sum(1 for _ in read_texts(source))
    show = show or not sys.stdout.isatty()
    with contextlib.ExitStack() as stack:
        update = stack.enter_context(Progress("predict", total, "texts")).update if show else int
        for answer in model.predict_stream(texts(), progress=update):
            yield *waiting.popleft(), answer


def _as_json(identifier: str, text: str, answer: TaggedAnswer) -> dict[str, Any]:
    return {
        "id": identifier,
        "text": text,
        "intent": answer.intent,
        "probability": round(answer.probability, 6),
        "slots": [
            {
                "label": slot.label,
                "start": slot.start,
                "end": slot.end,
                "text": text[slot.start : slot.end],
            }
            for slot in answer.slots
        ],
        "truncated": answer.truncated,
    }


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
