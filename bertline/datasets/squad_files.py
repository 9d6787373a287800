"""The questions of SQuAD as its files give them: official JSON, or a saved Hugging Face dataset."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bertline.datasets.saved_dataset import find_saved, saved_info, saved_rows
from bertline.errors import DataError
from bertline.examples import GoldAnswer

SAVED_SPLITS = ("train", "validation")
COLUMNS = ("id", "title", "context", "question", "answers")
ANSWER_KEYS = ("text", "answer_start")

_Kind = TypeVar("_Kind", str, int, list[Any], dict[str, Any])


class Version(NamedTuple):
    """A version's number in file names, its task, and the dataset's name at Hugging Face."""

    number: str
    task: str
    saved_name: str


V1 = Version("1.1", "squad-v1", "squad")
V2 = Version("2.0", "squad-v2", "squad_v2")


class Row(NamedTuple):
    """A question; no answers where it is impossible. place: file and id, for messages."""

    place: str
    id: str
    article: str
    context: str
    question: str
    answers: list[GoldAnswer]


def read_rows(folder: Path, version: Version) -> tuple[Iterator[Row], Iterator[Row]]:
    """The rows of training and test below `folder`, read as they are taken.

    Raises DataError, then or there: for missing or malformed files, another version, a question
    that is there twice or has no context, a v1.1 question without answers.
    """
    names = [f"{split}-v{version.number}.json" for split in ("train", "dev")]
    files = [_find(folder, name) for name in names]
    saved = find_saved(folder)
    if saved and not any(files):
        _check_saved_version(saved, version)
        splits = [_saved_rows(saved, split, version) for split in SAVED_SPLITS]
    else:
        for file, name in zip(files, names, strict=True):
            if file is None:
                raise DataError(
                    f"{folder}: no file {name} below it; give a folder with {' and '.join(names)}, "
                    "or one that DatasetDict.save_to_disk wrote"
                )
        splits = [_json_rows(file, version) for file in files if file]
    train, test = (_checked(rows) for rows in splits)
    return train, test


def _find(folder: Path, name: str) -> Path | None:
    found = sorted(folder.rglob(name))
    if len(found) > 1:
        raise DataError(f"{found[1]}: also in {found[0].parent}; give one of them")
    return found[0] if found else None


def _checked(rows: Iterator[Row]) -> Iterator[Row]:
    places: dict[str, str] = {}
    for row in rows:
        if places.setdefault(row.id, row.place) is not row.place:
            raise DataError(f"{row.place}: this id is there twice; give each question its own")
        if not row.context.strip():
            raise DataError(f"{row.place}: its context is empty; remove the question")
        answers = [answer.text for answer in row.answers]
        for text in (row.id, row.article, row.context, row.question, *answers):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                part = text[max(error.start - 20, 0) : error.end + 20]
                raise DataError(f"{row.place}: not valid Unicode in {part!r}; correct it") from None
        yield row


def _json_rows(file: Path, version: Version) -> Iterator[Row]:
    content = _content(file)
    other = _other(version)
    if str(content.get("version")).removeprefix("v") == other.number:
        raise _is_other(str(file), other)
    for index, article in enumerate(_get(content, "data", list, str(file))):
        place = f"{file}: article {index}"
        title = _get(article, "title", str, place)
        for number, paragraph in enumerate(_get(article, "paragraphs", list, place)):
            place = f"{file}: paragraph {number} of {title!r}"
            context = _get(paragraph, "context", str, place)
            for question in _get(paragraph, "qas", list, place):
                id = _get(question, "id", str, place)
                at = f"{file}: question {id!r}"
                text = _get(question, "question", str, at)
                answers = _json_answers(question, version, at)
                yield Row(at, id, title, context, text, answers)


def _json_answers(question: dict[str, Any], version: Version, place: str) -> list[GoldAnswer]:
    answers = _gold_answers(_get(question, "answers", list, place), place)
    is_impossible = question.get("is_impossible")
    if version is V1 and is_impossible is not None:
        raise _is_other(place, V2)
    if version is V2 and not answers and is_impossible is False:
        raise DataError(f"{place}: no answers, but is_impossible is false; correct one of them")
    return [] if is_impossible else _some(answers, version, place)


def _gold_answers(answers: list[Any], place: str) -> list[GoldAnswer]:
    text, start = ANSWER_KEYS
    return [
        GoldAnswer(_get(answer, text, str, place), _get(answer, start, int, place))
        for answer in answers
    ]


def _some(answers: list[GoldAnswer], version: Version, place: str) -> list[GoldAnswer]:
    if version is V1 and not answers:
        raise _is_other(place, V2)
    return answers


def _saved_rows(folder: Path, split: str, version: Version) -> Iterator[Row]:
    for number, row in enumerate(saved_rows(folder, split, COLUMNS)):
        place = f"{folder / split}: row {number}"
        id, title, context, question = (_get(row, name, str, place) for name in COLUMNS[:4])
        place = f"{folder / split}: question {id!r}"
        answers = _get(row, "answers", dict, place)
        texts, starts = (_get(answers, key, list, place) for key in ANSWER_KEYS)
        if len(texts) != len(starts):
            raise DataError(f"{place}: {len(texts)} answers, but {len(starts)} places of answers")
        pairs = [
            dict(zip(ANSWER_KEYS, pair, strict=True)) for pair in zip(texts, starts, strict=True)
        ]
        given = _gold_answers(pairs, place)
        yield Row(place, id, title, context, question, _some(given, version, place))


def _check_saved_version(folder: Path, version: Version) -> None:
    other = _other(version)
    for split in SAVED_SPLITS:
        info = saved_info(folder, split)
        if other.saved_name in (info.get("dataset_name"), info.get("builder_name")):
            raise _is_other(str(folder), other)


def _other(version: Version) -> Version:
    return V2 if version is V1 else V1


def _is_other(place: str, version: Version) -> DataError:
    return DataError(f"{place}: this is a v{version.number} file; run {version.task}")


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 (byte {error.start}); give the official file") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{file}: malformed JSON at line {error.lineno}, column {error.colno}: {error.msg}; "
            "give the official file"
        ) from None
    if not isinstance(content, dict):
        raise DataError(
            f"{file}: expected a JSON object with version and data; got a {type(content).__name__}"
        )
    return content


def _get(value: Any, key: str, kind: type[_Kind], place: str) -> _Kind:
    """value[key], which must be there and of that kind."""
    found = value.get(key) if isinstance(value, dict) else None
    if type(found) is not kind:
        form = f"{key!r} ({kind.__name__})"
        raise DataError(f"{place}: no {form} in {value!r:.80}; give files in SQuAD's own form")
    return found
