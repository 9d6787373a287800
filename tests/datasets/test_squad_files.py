import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertline.datasets import squad
from bertline.errors import DataError
from bertline.examples import GoldAnswer, Question
from tests.datasets.toy_saved import write_saved
from tests.datasets.toy_squad import CONTEXT, asked, content, error_of, read_one, write


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(content(asked("q", ("1926", 45)))).encode()
    assert len(read_one(tmp_path, train=raw).train) == 1


@pytest.mark.parametrize("number", ["1.1", "2.0"])
def test_a_file_of_the_other_version_is_told(tmp_path: Path, number: str) -> None:
    other = {"1.1": "2.0", "2.0": "1.1"}[number]
    told = error_of(tmp_path, number, dev=content(asked("q", ("1926", 45)), version=f"v{other}"))
    task = {"1.1": "squad-v2", "2.0": "squad-v1"}[number]
    assert told == f"dev-v{number}.json: this is a v{other} file; run {task}"


@pytest.mark.parametrize(
    "question",
    [asked("q", ("1926", 45), is_impossible=False), asked("q", is_impossible=True), asked("q")],
)
def test_v2_questions_in_a_file_without_version_are_told(
    tmp_path: Path, question: dict[str, Any]
) -> None:
    given = content(question)
    del given["version"]
    told = error_of(tmp_path, train=given)
    assert told == "train-v1.1.json: question 'q': this is a v2.0 file; run squad-v2"


def changed(change: Callable[[Any], object]) -> Any:
    value = content(asked("q", ("1926", 45)))
    change(value)
    return value


FIRST = "train-v1.1.json"
QUESTION = f"{FIRST}: question 'q'"


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ('{"data": [\n  }', f"{FIRST}: malformed JSON at line 2, column 3"),
        (b'{"data": "\xff"}', f"{FIRST}: not UTF-8 (byte 10)"),
        ([], f"{FIRST}: expected a JSON object"),
        ({"version": "1.1"}, f"{FIRST}: no 'data' (list) in {{'version'"),
        ({"data": {}}, f"{FIRST}: no 'data' (list) in"),
        ({"data": [3]}, f"{FIRST}: article 0: no 'paragraphs' (list) in 3"),
        (
            changed(lambda v: v["data"][0].update(title=5)),
            f"{FIRST}: article 0: no 'title' (str) in {{'title': 5",
        ),
        (
            changed(lambda v: v["data"][0]["paragraphs"][0].update(context=7)),
            f"{FIRST}: paragraph 0 of 'Miles': no 'context' (str)",
        ),
        (content({**asked("q"), "question": 7}), f"{QUESTION}: no 'question' (str)"),
        (content({**asked("q"), "id": True}), f"{FIRST}: paragraph 0 of 'Miles': no 'id' (str)"),
        ("[" * 100_000, f"{FIRST}: JSON that is nested too deeply; give the official file"),
        ('{"data": ' + "9" * 5_000 + "}", f"{FIRST}: JSON with an integer of too many digits"),
        ('{"data": [], "data": []}', f"{FIRST}: the key 'data' is there twice in one JSON object"),
        (changed(lambda v: v["data"][0].pop("paragraphs")), f"{FIRST}: article 0: no 'paragraphs'"),
        (
            changed(lambda v: v["data"][0]["paragraphs"][0].pop("context")),
            f"{FIRST}: paragraph 0 of 'Miles': no 'context' (str)",
        ),
        (
            changed(lambda v: v["data"][0]["paragraphs"][0]["qas"][0].pop("id")),
            f"{FIRST}: paragraph 0 of 'Miles': no 'id' (str)",
        ),
        (content({**asked("q"), "question": None}), f"{QUESTION}: no 'question' (str)"),
        (content({**asked("q"), "answers": None}), f"{QUESTION}: no 'answers' (list)"),
        (
            content({**asked("q"), "answers": [{"text": "x"}]}),
            f"{QUESTION}: no 'answer_start' (int)",
        ),
        (
            content({**asked("q"), "answers": [["x", 1]]}),
            f"{QUESTION}: no 'text' (str) in ['x', 1]",
        ),
        (content(*[asked("q", ("1926", 45))] * 2), f"{QUESTION}: this id is there twice"),
        (content(asked("q", ("1926", 45)), context=" \n"), f"{QUESTION}: its context is empty"),
        (
            content(asked("q", ("1926", 45)), context=CONTEXT + "\ud83d"),
            f"{QUESTION}: not valid Unicode in '. Davis played jazz.\\ud83d'; correct it",
        ),
    ],
)
def test_malformed_files_are_told(tmp_path: Path, train: Any, message: str) -> None:
    assert error_of(tmp_path, train=train).startswith(message)


def test_no_answers_to_a_possible_question_are_told(tmp_path: Path) -> None:
    train = content(asked("q", is_impossible=False), version="v2.0")
    told = error_of(tmp_path, "2.0", train=train)
    assert told.startswith("train-v2.0.json: question 'q': no answers, but is_impossible is false")


def test_missing_and_repeated_files_are_told(tmp_path: Path) -> None:
    write(tmp_path, "2.0")
    with pytest.raises(DataError, match=r"no file train-v1\.1\.json below it; give a folder with"):
        squad.read_v1(tmp_path)
    write(tmp_path / "copy", "2.0")
    with pytest.raises(DataError, match=r"question 'train0': this id is there twice \(also .*copy"):
        squad.read_v2(tmp_path)


def test_halves_of_a_split_are_one(tmp_path: Path) -> None:
    halves = [content(asked(f"q{half}", ("1926", 45))) for half in range(2)]
    write(tmp_path / "b", "1.1", train=halves[1])
    (tmp_path / "b" / "dev-v1.1.json").unlink()
    write(tmp_path / "a", "1.1", train=halves[0])
    assert [example.id for example in squad.read_v1(tmp_path).train] == ["q0", "q1"]


@pytest.mark.parametrize("title", ["absent", None])
def test_questions_without_title_and_with_numbers_for_ids(
    tmp_path: Path, title: str | None
) -> None:
    def untitled(value: Any) -> None:
        value["data"][0]["title"] = None
        value["data"][0]["paragraphs"][0]["qas"][0]["id"] = 7
        if title:
            del value["data"][0]["title"]

    [question] = read_one(tmp_path, train=changed(untitled)).train
    assert isinstance(question, Question)
    assert (question.id, question.article, question.group) == ("7", "", CONTEXT)


def test_a_pipe_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    write(tmp_path, "1.1")
    (tmp_path / "train-v1.1.json").unlink()
    os.mkfifo(tmp_path / "train-v1.1.json")
    with pytest.raises(DataError, match=r"train-v1\.1\.json: is a named pipe"):
        squad.read_v1(tmp_path)


def saved_row(id: str, *answers: tuple[str, int]) -> dict[str, Any]:
    texts, starts = [text for text, _ in answers], [start for _, start in answers]
    answer = {"text": texts, "answer_start": starts}
    return {"id": id, "title": "Miles", "context": CONTEXT, "question": f"{id}?", "answers": answer}


def saved(folder: Path, *train: dict[str, Any], name: str = "squad_v2") -> Path:
    splits = {"train": list(train), "validation": [saved_row("dev0", ("1926", 45))]}
    return write_saved(folder, splits, name)


def test_a_saved_dataset_is_read_like_the_official_files(tmp_path: Path) -> None:
    given = asked("q0", ("Alton", 24)), asked("q1", is_impossible=True)
    official = read_one(tmp_path / "official", "2.0", train=content(*given, version="v2.0"))
    folder = saved(tmp_path / "saved", saved_row("q0", ("Alton", 24)), saved_row("q1"))
    assert squad.read_v2(folder) == official
    assert official.report["corrected_offsets"] == 1


def test_saved_answers_may_be_objects_and_other_columns_are_left_out(tmp_path: Path) -> None:
    row = {**saved_row("q0"), "id": 12, "answers": [{"text": "Alton", "answer_start": 25}]}
    del row["title"]
    [question] = squad.read_v2(saved(tmp_path / "saved", row)).train
    answers = (GoldAnswer("Alton", 25),)
    assert question == Question("12", "", CONTEXT, "q0?", answers)


def test_another_split_of_a_saved_dataset_is_told(tmp_path: Path) -> None:
    rows = [saved_row("q0", ("1926", 45))]
    more = [saved_row("q1", ("1926", 45))]
    write_saved(tmp_path, {"train": rows, "validation": more, "test": more}, "squad")
    report = squad.read_v1(tmp_path).report
    assert (report["unread"], report["unread_names"]) == (1, ["test/"])


def test_a_saved_dataset_of_the_other_version_is_told(tmp_path: Path) -> None:
    one = saved(tmp_path / "one", saved_row("q0", ("1926", 45)), name="squad")
    two = saved(tmp_path / "two", saved_row("q0", ("1926", 45)))
    unnamed = saved(tmp_path / "unnamed", saved_row("q1"), name="mine")
    with pytest.raises(DataError, match="one: this is a v1.1 file; run squad-v1"):
        squad.read_v2(one)
    with pytest.raises(DataError, match="two: this is a v2.0 file; run squad-v2"):
        squad.read_v1(two)
    with pytest.raises(DataError, match="train: question 'q1': this is a v2.0 file; run squad-v2"):
        squad.read_v1(unnamed)


@pytest.mark.parametrize("name", ["state.json", "dataset_info.json"])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_saved_dataset_without_its_json_files_is_told(
    tmp_path: Path, split: str, name: str
) -> None:
    folder = saved(tmp_path / "saved", saved_row("q0", ("1926", 45)))
    (folder / split / name).unlink()
    with pytest.raises(DataError, match=rf"{split}: no {name}; give the whole folder that"):
        squad.read_v2(folder)


def test_a_saved_answer_without_text_is_told(tmp_path: Path) -> None:
    row = saved_row("q0", ("1926", 45))
    row["answers"]["text"] = [None]
    with pytest.raises(DataError, match=r"question 'q0': no 'text' \(str\) in {'text': None, "):
        squad.read_v2(saved(tmp_path / "saved", row))


def test_answers_and_places_of_another_number_are_told(tmp_path: Path) -> None:
    row = saved_row("q0", ("1926", 45))
    row["answers"]["text"].append("Alton")
    with pytest.raises(DataError, match="question 'q0': 2 answers, but 1 places of answers"):
        squad.read_v2(saved(tmp_path / "saved", row))
