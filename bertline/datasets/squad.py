"""SQuAD v1.1 and v2.0 (Rajpurkar et al. 2016, 2018): questions about paragraphs of articles.

Anywhere below the folder given, either the official train-v1.1.json and dev-v1.1.json (or v2.0 of
both), or the folder that Hugging Face's `DatasetDict.save_to_disk` writes, with splits train and
validation. The dev file, or validation, is the test split.
"""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bertline.datasets.dataset import NAMED, Dataset, unread
from bertline.datasets.squad_files import V1, V2, Row, Version, read_rows
from bertline.datasets.words import Words
from bertline.errors import DataError
from bertline.examples import Example, GoldAnswer, Question

_words_of = functools.lru_cache(maxsize=16)(Words.of)


@dataclass
class Report:
    """What was normalised or seems odd.

    corrected_offsets: answers whose text was elsewhere, or had other white space. dropped_answers:
    training answers that could not be recovered; dropped_questions: training questions that lost
    all of theirs; dropped_ids: the first NAMED questions that lost one. unlocated_test_answers:
    those that the context does not have. empty_train_questions, empty_test_questions: those
    without text; of training they are left out.
    """

    corrected_offsets: int = 0
    dropped_answers: int = 0
    dropped_questions: int = 0
    dropped_ids: list[str] = field(default_factory=list)
    unlocated_test_answers: int = 0
    empty_train_questions: int = 0
    empty_test_questions: int = 0


def read_v1(folder: Path) -> Dataset:
    """The questions of SQuAD v1.1 below `folder`, in the order of the files; all have answers.

    A training answer stays where its text is at its place, or where the words that it touches hold
    its text, white space apart, as in the code of the BERT paper; its place is corrected to that of
    its text. Else it is dropped, and with its last answer the question is. A test answer gets the
    nearest place that has its text, and stays without one too, for it counts in the metrics. The
    report is a `Report`, and says what is not read.

    Raises DataError for missing or malformed files, a file of the other version, a question that
    is there twice, and a training answer that is outside its context or nowhere in it.
    """
    return _read(folder, V1)


def read_v2(folder: Path) -> Dataset:
    """As `read_v1`, of SQuAD v2.0: an impossible question has no answers."""
    return _read(folder, V2)


def _read(folder: Path, version: Version) -> Dataset:
    rows = read_rows(folder, version)
    report = Report()
    return Dataset(
        train=list(_train_questions(rows.train, report)),
        test=list(_test_questions(rows.test, report)),
        report={**asdict(report), **unread(folder, rows.files)},
    )


def _train_questions(rows: Iterable[Row], report: Report) -> Iterator[Example]:
    for row in rows:
        if not row.question.strip():
            report.empty_train_questions += 1
            continue
        words = _words_of(row.context)
        answers = []
        for given in row.answers:
            answer = _recover(words, given, row.place)
            if answer:
                answers.append(answer)
                report.corrected_offsets += answer != given
            else:
                report.dropped_answers += 1
        if len(answers) < len(row.answers) and len(report.dropped_ids) < NAMED:
            report.dropped_ids.append(row.id)
        if row.answers and not answers:
            report.dropped_questions += 1
        else:
            yield Question(row.id, row.article, words.text, row.question, tuple(answers))


def _test_questions(rows: Iterable[Row], report: Report) -> Iterator[Example]:
    for row in rows:
        words = _words_of(row.context)
        answers = []
        for given in row.answers:
            answer = _locate(words, given)
            report.corrected_offsets += answer not in (None, given)
            report.unlocated_test_answers += answer is None
            answers.append(answer or given)
        report.empty_test_questions += not row.question.strip()
        yield Question(row.id, row.article, words.text, row.question, tuple(answers))


def _recover(words: Words, given: GoldAnswer, place: str) -> GoldAnswer | None:
    """The training answer as the context spells it; None where its words do not hold its text."""
    text, start, end = given.text, given.start, given.start + len(given.text)
    if not text.strip():
        raise DataError(f"{place}: an answer has no text; give it one or remove it")
    if start < 0 or end > len(words.text):
        raise DataError(
            f"{place}: answer {text!r:.60} at {start} is outside its context of "
            f"{len(words.text)} characters; correct answer_start or remove the answer"
        )
    if _is_at(words, given):
        return given
    touched = words.range_of(start, end)
    if _normalized(text) in _normalized(words.text[slice(*touched)]):
        return _nearest(words, given, *touched)
    if _normalized(text) not in _normalized(words.text):
        raise DataError(
            f"{place}: answer {text!r:.60} is nowhere in its context; correct or remove it"
        )
    return None


def _locate(words: Words, given: GoldAnswer) -> GoldAnswer | None:
    """The test answer as the context spells it, at the nearest place; None where there is none."""
    if _is_at(words, given) or not given.text.strip():
        return given
    return _nearest(words, given, 0, len(words.text))


def _is_at(words: Words, given: GoldAnswer) -> bool:
    return given.start >= 0 and words.text.startswith(given.text, given.start)


def _nearest(words: Words, given: GoldAnswer, start: int, end: int) -> GoldAnswer | None:
    found = words.find(given.text, start, end, near=given.start)
    return found and GoldAnswer(words.text[slice(*found)], found[0])


def _normalized(text: str) -> str:
    return " ".join(text.split())
