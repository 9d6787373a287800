"""A dataset's files in, examples out: train, dev (held out of training by hash) and test."""

import contextlib
import hashlib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from bertline.artifacts import new_artifact
from bertline.config import Config
from bertline.datasets.dataset import NAMED, Dataset, labels_of, normalized, unknown_labels
from bertline.datasets.summary import summary_lines
from bertline.errors import ConfigError, DataError
from bertline.examples import SPLITS, Example, write_split
from bertline.leftovers import temporary_folder
from bertline.progress import note
from bertline.storage import collect
from bertline.tasks import Task, get_task

E = TypeVar("E", bound=Example)
DEV_LIMIT = 700
DEV_SHARE = 0.25


def _as_tuple(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


class Settings(Config):
    """source: folders, archives or files, on disk or at https:// or gs:// addresses.

    All of them together are the dataset; one may be written without a list. sha256: of each
    source, in hex; empty: not checked. dev_size: training examples held out as dev, how many of
    them or which share; None: a quarter of them, but at most 700. max_train_examples: how many of
    the others to keep, chosen by hash; None: all. small_files: read the small training files of a
    dataset that has such beside the full ones. unknown_test_labels: what happens to test examples
    with labels that no training example has: "refuse" ends the stage, "count" keeps them, so that
    they count as errors, "drop" leaves them out.
    """

    task: str = "snips"
    source: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    sha256: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...] = ()
    dev_size: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=0.5)] | None = None
    max_train_examples: Annotated[int, Field(ge=1)] | None = None
    small_files: bool = False
    unknown_test_labels: Literal["refuse", "count", "drop"] = "refuse"

    @field_validator("sha256")
    @classmethod
    def _one_for_each_source(cls, sha256: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        sources = info.data.get("source", ())
        if sha256 and len(sha256) != len(sources):
            raise ValueError(f"{len(sha256)} checksums for {len(sources)} sources; give one each")
        return sha256


def run(settings: Settings, *, examples: Path) -> None:
    """Writes an examples artifact: train.jsonl, dev.jsonl and test.jsonl.

    The manifest tells task, example_kind, counts (by split), labels (kind → sorted names of
    train and dev) and report: the reader's; unknown_label_examples, the number of test examples
    with labels that training lacks, and the first of those, unknown_labels; and `test_in_train`,
    the ids of test examples whose text is in train or dev as well (they stay in test). Raises
    ConfigError, DataError or StorageError.
    """
    task = get_task(settings.task)
    reader = _reader(task, settings.small_files)
    with temporary_folder() as work:
        folder = collect(settings.source, work, settings.sha256)
        with _naming_sources(settings.source, folder if folder.is_relative_to(work) else None):
            dataset = reader(folder)
    _check_splits(task, dataset, ", ".join(settings.source))
    train, dev = hold_out(dataset.train, settings.dev_size)
    train = subset(train, settings.max_train_examples)
    labels = labels_of(dataset.train)
    test, unknown = _with_known_labels(dataset.test, labels, settings.unknown_test_labels)
    splits = dict(zip(SPLITS, (train, dev, test), strict=True))
    about: dict[str, Any] = {
        "task": task.name,
        "example_kind": task.example_kind,
        "counts": {name: len(split) for name, split in splits.items()},
        "labels": labels,
        "report": {
            **dataset.report,
            **unknown,
            "test_in_train": leaked_ids([*train, *dev], test),
        },
    }
    with new_artifact(examples, "examples", about) as new:
        for name, split in splits.items():
            write_split(new / f"{name}.jsonl", split)
    note(summary_lines(about))


def _reader(task: Task, small_files: bool) -> Callable[[Path], Dataset]:
    address = task.small_reader if small_files else task.reader
    if address is None:
        raise ConfigError(f"{task.name} has no small files; leave out small_files")
    module, _, function = address.partition(":")
    reader: Callable[[Path], Dataset] = getattr(importlib.import_module(module), function)
    return reader


@contextlib.contextmanager
def _naming_sources(sources: Sequence[str], collected: Path | None) -> Iterator[None]:
    """Names the sources in a reader's error, as the folder `collected` is gone when it is read."""
    try:
        yield
    except DataError as error:
        message = str(error)
        for number, source in enumerate(sources if collected else ()):
            place = collected if len(sources) == 1 else f"{collected}/{number}"
            message = message.replace(f"{place}/{PurePosixPath(source).name}:", f"{source}:")
            message = message.replace(f"{place}/", f"{source}/")
        raise DataError(message.replace(str(collected), ", ".join(sources))) from None


def _check_splits(task: Task, dataset: Dataset, sources: str) -> None:
    """Raises DataError for a split without examples; unlabelled data needs no test."""
    for name, split in (("train", dataset.train), ("test", dataset.test)):
        if not split and (name == "train" or task.head is not None):
            raise DataError(f"{sources}: no {name} examples; give files that hold some")


def _with_known_labels(
    test: Sequence[Example], labels: dict[str, list[str]], policy: str
) -> tuple[Sequence[Example], dict[str, Any]]:
    """The test examples that `policy` keeps (see Settings), and what the report says of labels."""
    found = {row: unknown_labels(example, labels) for row, example in enumerate(test)}
    unknown = {row: names for row, names in found.items() if names}
    if unknown and policy == "refuse":
        row = min(unknown)
        kind, name = unknown[row][0]
        raise DataError(
            f"{test[row].id}: {name!r} is not among the {kind} of training, in "
            f"{test[row].content!r:.80}; correct the label or add training examples of it; of "
            f"{len(test):,} test examples {len(unknown):,} have such labels: unknown_test_labels "
            "count takes them as errors, drop leaves them out"
        )
    if policy == "drop":
        test = [example for row, example in enumerate(test) if row not in unknown]
        if unknown and not test:
            raise DataError("no test example has only labels of training; give others")
    names = sorted({name for row in unknown.values() for _, name in row})
    return test, {"unknown_label_examples": len(unknown), "unknown_labels": names[:NAMED]}


def hold_out(examples: Sequence[E], dev_size: int | float | None) -> tuple[list[E], list[E]]:
    """Training and dev examples, both in the order given; dev has `dev_size` at most.

    dev_size: how many, or as a float which share of them; None: DEV_SHARE of them, at most
    DEV_LIMIT, and up to half of them where what must stay together is more. Dev gets the groups
    (texts, articles) with the smallest SHA-256, so that it depends on nothing but these. Texts that
    differ only in case or in white space at the ends are one group; where groups do not come out
    even, dev is smaller than asked. Raises ConfigError if dev were more than half or empty.
    """
    half = len(examples) // 2
    if dev_size is None:
        limits = [min(DEV_LIMIT, int(DEV_SHARE * len(examples))), half]
    else:
        limits = [dev_size if isinstance(dev_size, int) else int(dev_size * len(examples))]
    if limits[0] > half:
        raise ConfigError(
            f"dev_size {dev_size} is more than half of {len(examples)} training examples; "
            "lower dev_size, leave it out, or give more data"
        )
    groups: dict[str, list[int]] = {}
    for row, example in enumerate(examples):
        groups.setdefault(normalized(example.group), []).append(row)
    held = next(filter(None, (_held(groups, limit) for limit in limits)), None)
    if held is None:
        least = min(map(len, groups.values()))
        remedy = "raise dev_size" if least <= half else "give more data"
        raise ConfigError(
            f"dev_size {dev_size}: of {len(examples)} training examples {least} or more must stay "
            f"together (one text, one article); {remedy}"
        )
    train = [example for row, example in enumerate(examples) if row not in held]
    return train, [examples[row] for row in sorted(held)]


def _held(groups: Mapping[str, list[int]], limit: int) -> set[int]:
    """The rows of the groups with the smallest SHA-256, at most `limit` rows."""
    held: set[int] = set()
    for group in sorted(groups, key=_digest):
        if len(held) + len(groups[group]) <= limit:
            held.update(groups[group])
    return held


def subset(examples: list[Example], size: int | None) -> list[Example]:
    """At most `size` of the examples, those whose contents have the smallest SHA-256, in order."""
    rows = sorted(range(len(examples)), key=lambda row: _digest(examples[row].content))
    return [examples[row] for row in sorted(rows[:size])]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def leaked_ids(seen: Iterable[Example], test: Iterable[Example]) -> list[str]:
    """The ids of test examples whose content, `normalized`, is that of an example in `seen`."""
    contents = {normalized(example.content) for example in seen}
    return [example.id for example in test if normalized(example.content) in contents]
