import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from samples.articles import COUNTS, FILES, FOLDERS
from samples.templates import HERE, load

KINDS = load("phrases")["articles"]["kinds"]


def articles(version: str, split: str) -> list[dict[str, Any]]:
    name = f"{FILES[split]}-v{version.removeprefix('v')}.json"
    content = json.loads((HERE / FOLDERS[version] / name).read_text(encoding="utf-8"))
    assert content["version"] == version
    data: list[dict[str, Any]] = content["data"]
    return data


def questions(version: str, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The context and the object of each question."""
    for article in articles(version, split):
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                yield paragraph["context"], question


@pytest.mark.parametrize("split", COUNTS)
@pytest.mark.parametrize("version", FOLDERS)
def test_every_answer_stands_where_it_is_said_to(version: str, split: str) -> None:
    ids = []
    for context, question in questions(version, split):
        ids.append(question["id"])
        assert question.get("is_impossible", False) == (not question["answers"])
        assert question["question"].endswith("?")
        for answer in question["answers"]:
            start = answer["answer_start"]
            assert context[start : start + len(answer["text"])] == answer["text"]
    assert len({*ids}) == len(ids)


@pytest.mark.parametrize("split", COUNTS)
def test_paragraphs(split: str) -> None:
    data = articles("1.1", split)
    assert len(data) == COUNTS[split]
    for article in data:
        assert len(article["paragraphs"]) == 3
        for paragraph in article["paragraphs"]:
            assert not re.search(r"[<>|()]|  ", paragraph["context"])
            assert 4 <= paragraph["context"].count(".") <= 9
            assert 3 <= len(paragraph["qas"]) <= 5


def test_only_the_second_version_has_questions_without_answers() -> None:
    with_answer = [q["id"] for _, q in questions("1.1", "train")]
    second = [q for _, q in questions("v2.0", "train")]
    assert [q["id"] for q in second if q["answers"]] == with_answer
    assert 0.25 < 1 - len(with_answer) / len(second) < 0.45
    assert all("is_impossible" not in q for _, q in questions("1.1", "train"))


def test_no_paragraph_is_asked_the_same_twice() -> None:
    for article in articles("v2.0", "train"):
        for paragraph in article["paragraphs"]:
            asked = [question["question"] for question in paragraph["qas"]]
            assert len({*asked}) == len(asked)


def test_subjects_and_wordings_are_held_out() -> None:
    train, test = ({article["title"] for article in articles("1.1", split)} for split in COUNTS)
    assert not train & test
    for kind in KINDS.values():
        for fact in (fact for facts in kind["paragraphs"] for fact in facts):
            for forms in (fact["says"], *fact["asks"].values()):
                assert forms["train"] and forms["test"]
                assert not {*forms["train"]} & {*forms["test"]}
