import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertline.datasets import squad
from bertline.datasets.dataset import Dataset
from bertline.errors import DataError
from bertline.examples import GoldAnswer, Question, parse_example, write_split
from tests.datasets.test_saved_dataset import write_saved

CONTEXT = "Miles Davis  was born in Alton (Illinois)\nin 1926. Davis played jazz."
READERS = {"1.1": squad.read_v1, "2.0": squad.read_v2}
NO_ODDITY = {
    "corrected_offsets": 0,
    "dropped_answers": 0,
    "dropped_questions": 0,
    "dropped_ids": [],
    "unlocated_test_answers": 0,
}


def asked(id: str, *answers: tuple[str, int], **more: Any) -> dict[str, Any]:
    given = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": id, "question": f"{id}?", "answers": given, **more}


def content(*questions: dict[str, Any], context: str = CONTEXT, version: str = "1.1") -> Any:
    paragraph = {"context": context, "qas": list(questions)}
    return {"version": version, "data": [{"title": "Miles", "paragraphs": [paragraph]}]}


def write(folder: Path, number: str, **files: Any) -> Path:
    """`folder` with train and dev of a version: JSON values, text or bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        given = files.get(split, content(asked(f"{split}0", ("1926", 45)), version=number))
        if not isinstance(given, str | bytes):
            given = json.dumps(given)
        raw = given if isinstance(given, bytes) else given.encode()
        (folder / f"{split}-v{number}.json").write_bytes(raw)
    return folder


def read_one(folder: Path, number: str = "1.1", **files: Any) -> Dataset:
    return READERS[number](write(folder, number, **files))


def error_of(folder: Path, number: str = "1.1", **files: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_one(folder, number, **files)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")


def answers_of(dataset: Dataset) -> list[tuple[str, tuple[GoldAnswer, ...]]]:
    return [(q.id, q.answers) for q in dataset.train if isinstance(q, Question)]


def test_questions_are_those_of_the_files_in_order(tmp_path: Path) -> None:
    train = content(asked("q1", ("Alton", 25), ("Miles Davis", 0)), asked("q0", ("1926", 45)))
    dataset = read_one(tmp_path / "deep" / "er", train=train)
    assert dataset.train == [
        Question(
            "q1", "Miles", CONTEXT, "q1?", (GoldAnswer("Alton", 25), GoldAnswer("Miles Davis", 0))
        ),
        Question("q0", "Miles", CONTEXT, "q0?", (GoldAnswer("1926", 45),)),
    ]
    assert [example.id for example in dataset.test] == ["dev0"]
    assert dataset.report == NO_ODDITY


def test_what_is_read_can_be_written_as_a_split(tmp_path: Path) -> None:
    dataset = read_one(tmp_path)
    write_split(tmp_path / "train.jsonl", dataset.train)
    line = (tmp_path / "train.jsonl").read_bytes()
    assert [parse_example(line, "question", "train.jsonl:1")] == dataset.train


def test_impossible_questions_have_no_answers(tmp_path: Path) -> None:
    train = content(
        asked("q0", ("1926", 45), is_impossible=False),
        asked("q1", is_impossible=True, plausible_answers=[{"text": "Alton", "answer_start": 25}]),
        asked("q2"),
        version="v2.0",
    )
    dataset = read_one(tmp_path, "2.0", train=train)
    assert answers_of(dataset) == [("q0", (GoldAnswer("1926", 45),)), ("q1", ()), ("q2", ())]


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(content(asked("q", ("1926", 45)))).encode()
    assert len(read_one(tmp_path, train=raw).train) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # One character off: the words touched hold the text.
        (("Alton", 24), ("Alton", 25)),
        (("Illinois", 31), ("Illinois", 32)),
        # Other white space than the context has.
        (("Miles Davis", 0), ("Miles Davis", 0)),
        (("Davis was", 6), ("Davis  was", 6)),
        (("(Illinois) in", 31), ("(Illinois)\nin", 31)),
    ],
)
def test_an_offset_is_corrected_to_the_text_in_the_words_touched(
    tmp_path: Path, given: tuple[str, int], expected: tuple[str, int]
) -> None:
    dataset = read_one(tmp_path, train=content(asked("q", given)))
    assert answers_of(dataset) == [("q", (GoldAnswer(*expected),))]
    text, start = expected
    assert CONTEXT[start : start + len(text)] == text
    assert dataset.report == {**NO_ODDITY, "corrected_offsets": int(given != expected)}


def test_training_answers_that_their_words_do_not_hold_are_dropped_and_named(
    tmp_path: Path,
) -> None:
    train = content(
        asked("q0", ("Davis", 0)),
        asked("q1", ("Davis", 0), ("Alton", 25), ("jazz", 2)),
        asked("q2", ("Davis", 51)),
    )
    dataset = read_one(tmp_path, train=train)
    assert answers_of(dataset) == [
        ("q1", (GoldAnswer("Alton", 25),)),
        ("q2", (GoldAnswer("Davis", 51),)),
    ]
    assert dataset.report == {
        **NO_ODDITY,
        "dropped_answers": 3,
        "dropped_questions": 1,
        "dropped_ids": ["q0", "q1"],
    }


def test_an_answer_with_a_no_break_space_is_dropped_as_by_the_paper_s_code(tmp_path: Path) -> None:
    train = content(asked("q", ("Café\u00a0Zürich", 4)), context="The Café\u00a0Zürich.")
    assert read_one(tmp_path, train=train).report["dropped_ids"] == ["q"]


def test_the_first_20_dropped_are_named(tmp_path: Path) -> None:
    train = content(*(asked(f"q{number}", ("Davis", 0)) for number in range(25)))
    report = read_one(tmp_path, train=train).report
    assert report["dropped_questions"] == 25
    assert report["dropped_ids"] == [f"q{number}" for number in range(20)]


def test_test_answers_get_the_nearest_place_and_stay_without_one(tmp_path: Path) -> None:
    dev = content(asked("q", ("Davis", 45), ("Duke", 3), ("jazz", 9_999), ("1926", 45), ("", 0)))
    dataset = read_one(tmp_path, dev=dev)
    [question] = dataset.test
    assert isinstance(question, Question)
    assert question.answers == (
        GoldAnswer("Davis", 51),
        GoldAnswer("Duke", 3),
        GoldAnswer("jazz", 64),
        GoldAnswer("1926", 45),
        GoldAnswer("", 0),
    )
    assert dataset.report == {**NO_ODDITY, "corrected_offsets": 2, "unlocated_test_answers": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ("1926", 66),
            "answer '1926' at 66 is outside its context of 69 characters; correct answer",
        ),
        (
            ("1926", -3),
            "answer '1926' at -3 is outside its context of 69 characters; correct answer",
        ),
        (("Duke", 2), "answer 'Duke' is nowhere in its context; correct or remove it"),
        ((" \n", 2), "an answer has no text; give it one or remove it"),
    ],
)
def test_a_training_answer_outside_its_context_is_told(
    tmp_path: Path, given: tuple[str, int], message: str
) -> None:
    told = error_of(tmp_path, train=content(asked("q7", given)))
    assert told.startswith(f"train-v1.1.json: question 'q7': {message}")


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
        ({"data": [3]}, f"{FIRST}: article 0: no 'title' (str) in 3"),
        (changed(lambda v: v["data"][0].pop("title")), f"{FIRST}: article 0: no 'title' (str)"),
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
    with pytest.raises(DataError, match=r"train-v2\.0\.json: also in .*; give one of them"):
        squad.read_v2(tmp_path)


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


def test_answers_and_places_of_another_number_are_told(tmp_path: Path) -> None:
    row = saved_row("q0", ("1926", 45))
    row["answers"]["text"].append("Alton")
    with pytest.raises(DataError, match="question 'q0': 2 answers, but 1 places of answers"):
        squad.read_v2(saved(tmp_path / "saved", row))


@pytest.mark.real
@pytest.mark.parametrize(
    ("number", "train", "test", "impossible"),
    [("1.1", 7_496, 1_497, 0), ("2.0", 8_383, 1_560, 4_169)],
)
def test_real_files(shared: Path, number: str, train: int, test: int, impossible: int) -> None:
    dataset = READERS[number](shared / "data" / "squad")
    assert (len(dataset.train), len(dataset.test)) == (train, test)
    assert sum(q.is_impossible for q in dataset.train if isinstance(q, Question)) == impossible
    assert dataset.report == NO_ODDITY
