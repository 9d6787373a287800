from pathlib import Path

import pytest

from bertline.datasets.dataset import Dataset
from bertline.examples import GoldAnswer, Question, parse_example, write_split
from tests.datasets.toy_squad import CONTEXT, READERS, asked, content, error_of, read_one

NO_ODDITY = {
    "corrected_offsets": 0,
    "dropped_answers": 0,
    "dropped_questions": 0,
    "dropped_ids": [],
    "unlocated_test_answers": 0,
    "empty_train_questions": 0,
    "empty_test_questions": 0,
    "unread": 0,
    "unread_names": [],
}


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


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\u2009"])
@pytest.mark.parametrize("given", ["Café{}Zürich", "Café Zürich"])
@pytest.mark.parametrize("start", [4, 3])
def test_an_answer_with_any_white_space_is_kept(
    tmp_path: Path, space: str, given: str, start: int
) -> None:
    train = content(asked("q", (given.format(space), start)), context=f"The Café{space}Zürich.")
    dataset = read_one(tmp_path, train=train)
    assert answers_of(dataset) == [("q", (GoldAnswer(f"Café{space}Zürich", 4),))]
    assert dataset.report["dropped_answers"] == 0


def test_questions_without_text_are_counted_and_not_learnt_from(tmp_path: Path) -> None:
    empty = {**asked("q0", ("1926", 45)), "question": " \n"}
    given = content(empty, asked("q1", ("1926", 45)))
    dev = content({**empty, "id": "d0"}, asked("d1", ("1926", 45)))
    dataset = read_one(tmp_path, train=given, dev=dev)
    assert [example.id for example in dataset.train] == ["q1"]
    assert [example.id for example in dataset.test] == ["d0", "d1"]
    assert dataset.report["empty_train_questions"] == 1
    assert dataset.report["empty_test_questions"] == 1


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


@pytest.mark.real
@pytest.mark.parametrize(
    ("number", "train", "test", "impossible"),
    [("1.1", 7_496, 1_497, 0), ("2.0", 8_383, 1_560, 4_169)],
)
def test_real_files(shared: Path, number: str, train: int, test: int, impossible: int) -> None:
    dataset = READERS[number](shared / "data" / "squad")
    assert (len(dataset.train), len(dataset.test)) == (train, test)
    assert sum(q.is_impossible for q in dataset.train if isinstance(q, Question)) == impossible
    other = {"1.1": "2.0", "2.0": "1.1"}[number]
    names = [f"{split}-v{other}.json" for split in ("dev", "train")]
    assert dataset.report == {**NO_ODDITY, "unread": 2, "unread_names": names}
