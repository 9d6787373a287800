"""The questions of SQuAD as its files give them: official JSON, or a saved Hugging Face dataset."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bertline.datasets.dataset import files_below
from bertline.datasets.saved_dataset import DICT_FILE, find_saved, saved_info, saved_rows
from bertline.errors import DataError
from bertline.examples import GoldAnswer
from bertline.json_values import parse_json

SAVED_SPLITS = ("train", "validation")
COLUMNS = ("id", "context", "question", "answers")
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
    """A question; no answers where it is impossible.

    place: file and id, for messages. article: its title, "" where the data has none.
    """

    place: str
    id: str
    article: str
    context: str
    question: str
    answers: list[GoldAnswer]


class Rows(NamedTuple):
    """The rows of both splits, read as they are taken, and the files that they come from."""

    train: Iterator[Row]
    test: Iterator[Row]
    files: list[Path]


def read_rows(folder: Path, version: Version) -> Rows:
    """The rows below `folder`; a split of the official files may be in several files of one name.

    Raises DataError, then or as rows are taken: for missing or malformed files, another version, a
    question that is there twice or has no context, a v1.1 question without answers.
    """
    names = [f"{split}-v{version.number}.json" for split in ("train", "dev")]
    files = [files_below(folder, name) for name in names]
    saved = find_saved(folder)
    if saved and not any(files):
        _check_saved_version(saved, version)
        splits = [_saved_rows(saved, split, version) for split in SAVED_SPLITS]
        read = [file for split in SAVED_SPLITS for file in (saved / split).iterdir()]
        read.append(saved / DICT_FILE)
    else:
        for of_split, name in zip(files, names, strict=True):
            if not of_split:
                raise DataError(
                    f"{folder}: no file {name} below it; give a folder with {' and '.join(names)}, "
                    "or one that DatasetDict.save_to_disk wrote"
                )
        splits = [
            chain.from_iterable(_json_rows(file, version) for file in of_split)
            for of_split in files
        ]
        read = [file for of_split in files for file in of_split]
    train, test = (_checked(rows) for rows in splits)
    return Rows(train, test, read)


def _checked(rows: Iterator[Row]) -> Iterator[Row]:
    places: dict[str, str] = {}
    for row in rows:
        if places.setdefault(row.id, row.place) is not row.place:
            raise DataError(
                f"{row.place}: this id is there twice (also {places[row.id]}); give each question "
                "its own"
            )
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
        paragraphs = _get(article, "paragraphs", list, place)
        title = _title(article, place)
        for number, paragraph in enumerate(paragraphs):
            place = f"{file}: paragraph {number} of {title or f'article {index}'!r}"
            context = _get(paragraph, "context", str, place)
            for question in _get(paragraph, "qas", list, place):
                id = _id(question, place)
                at = f"{file}: question {id!r}"
                text = _get(question, "question", str, at)
                answers = _json_answers(question, version, at)
                yield Row(at, id, title, context, text, answers)


def _json_answers(question: dict[str, Any], version: Version, place: str) -> list[GoldAnswer]:
    answers = _gold_answers(question, place)
    is_impossible = question.get("is_impossible")
    if version is V1 and is_impossible is not None:
        raise _is_other(place, V2)
    if version is V2 and not answers and is_impossible is False:
        raise DataError(f"{place}: no answers, but is_impossible is false; correct one of them")
    return [] if is_impossible else _some(answers, version, place)


def _gold_answers(question: dict[str, Any], place: str) -> list[GoldAnswer]:
    """The answers of a question: a list of objects, or one object of two lists."""
    text, start = ANSWER_KEYS
    answers = question.get("answers")
    if isinstance(answers, dict):
        texts, starts = (_get(answers, key, list, place) for key in ANSWER_KEYS)
        if len(texts) != len(starts):
            raise DataError(f"{place}: {len(texts)} answers, but {len(starts)} places of answers")
        answers = [{text: one, start: at} for one, at in zip(texts, starts, strict=True)]
    else:
        answers = _get(question, "answers", list, place)
    return [
        GoldAnswer(_get(answer, text, str, place), _get(answer, start, int, place))
        for answer in answers
    ]


def _id(question: Any, place: str) -> str:
    """The question's id, which may be a number."""
    if isinstance(question, dict) and type(question.get("id")) is int:
        return str(question["id"])
    return _get(question, "id", str, place)


def _title(article: dict[str, Any], place: str) -> str:
    return "" if article.get("title") is None else _get(article, "title", str, place)


def _some(answers: list[GoldAnswer], version: Version, place: str) -> list[GoldAnswer]:
    if version is V1 and not answers:
        raise _is_other(place, V2)
    return answers


def _saved_rows(folder: Path, split: str, version: Version) -> Iterator[Row]:
    for number, row in enumerate(saved_rows(folder, split, COLUMNS, optional=("title",))):
        place = f"{folder / split}: row {number}"
        id, title = _id(row, place), _title(row, place)
        context, question = (_get(row, name, str, place) for name in ("context", "question"))
        place = f"{folder / split}: question {id!r}"
        answers = _some(_gold_answers(row, place), version, place)
        yield Row(place, id, title, context, question, answers)


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
    content = parse_json(file.read_bytes(), str(file), "give the official file")
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
