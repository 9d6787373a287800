"""Every counter of every reader, in the report and on the terminal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertline.artifacts import read_manifest
from bertline.stages import ingest
from tests.datasets.toy_saved import write_saved
from tests.datasets.toy_squad import CONTEXT, asked, content, write


def snips(folder: Path) -> None:
    def of(*chunks: dict[str, str]) -> dict[str, Any]:
        return {"data": list(chunks)}

    odd = of(
        {"text": "at "},
        {"text": " ", "entity": "city"},
        {"text": "near"},
        {"text": "Rome ", "entity": "city"},
        {"text": "café"},
    )
    train = [of({"text": f"play {number}"}) for number in range(4)]
    (folder / "train_Play_full.json").write_bytes(
        json.dumps({"Play": [odd, *train]}, ensure_ascii=False).encode("cp1252")
    )
    test = [train[0], of({"text": "jazz", "entity": "genre"})]
    (folder / "validate_Play.json").write_text(json.dumps({"Play": test}))
    (folder / "other.json").write_text("{}")


def imdb(folder: Path) -> None:
    for split in ("train", "test"):
        for name in ("pos", "neg"):
            (folder / split / name).mkdir(parents=True)
            for number in range(3):
                file = folder / split / name / f"{number}_5.txt"
                file.write_bytes(f"café<br />{name} {number}".encode("cp1252"))
    (folder / "train" / "unsup").mkdir()


def mrpc(folder: Path) -> None:
    header = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    rows = "".join(f"1\t{n}\t{n}9\tOne {n}.\tUn {n}.\n" for n in range(4))
    odd = "1\t-1\t-1\tmine\tmine\n0\t5\t6\tCafé.\tTea.\n"
    train = folder / "msr_paraphrase_train.txt"
    train.write_bytes(f"{header}{rows}{odd}".encode("cp1252"))
    (folder / "msr_paraphrase_test.txt").write_text(f"{header}{rows}")
    (folder / "dev.tsv").write_text(header)


def questions() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    train = [
        asked("dropped", ("Davis", 0)),
        asked("moved", ("Alton", 24)),
        {**asked("empty", ("1926", 45)), "question": ""},
        *(asked(f"q{number}", ("1926", 45)) for number in range(4)),
    ]
    test = [
        {**asked("d0", ("Duke", 3)), "question": " "},
        {**asked("d1", ("1926", 45)), "question": "q1?"},
    ]
    return train, test


def squad(folder: Path) -> None:
    train, test = questions()
    articles = [content(each)["data"][0] for each in train]
    for number, article in enumerate(articles):
        article["title"] = f"article {number}"
    write(folder, "1.1", train={"version": "1.1", "data": articles}, dev=content(*test))
    (folder / "train-v2.0.json").write_text("{}")


def saved_squad(folder: Path) -> None:
    def row(question: dict[str, Any]) -> dict[str, Any]:
        return {"context": CONTEXT, "title": f"article {question['id']}", **question}

    train, test = questions()
    splits = {
        "train": list(map(row, train)),
        "validation": list(map(row, test)),
        "test": [row(test[1])],
    }
    write_saved(folder, splits, "squad")


def text(folder: Path) -> None:
    documents = "\n\n".join(f"Café {number}." for number in range(8))
    (folder / "a.txt").write_bytes(documents.encode("cp1252"))
    (folder / "notes.md").write_text("a")


NONE_OF_LABELS = {"unknown_label_examples", "unknown_labels"}


@pytest.mark.parametrize(
    ("task", "make", "zero"),
    [
        ("snips", snips, set()),
        ("imdb", imdb, NONE_OF_LABELS),
        ("mrpc", mrpc, NONE_OF_LABELS),
        ("squad-v1", squad, NONE_OF_LABELS),
        ("squad-v1", saved_squad, NONE_OF_LABELS),
        ("text", text, {*NONE_OF_LABELS, "test_in_train"}),
    ],
)
def test_every_counter_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    task: str,
    make: Callable[[Path], None],
    zero: set[str],
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder)
    values = {"task": task, "source": str(folder), "unknown_test_labels": "count"}
    ingest.run(ingest.Settings.parse(values, where="test"), examples=tmp_path / "examples")
    about = read_manifest(tmp_path / "examples", "examples").about
    report = about["report"]
    assert {name for name, found in report.items() if not found} == zero
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"-- {task}: {about['counts']['train']} train, ")
    for name, found in report.items():
        shown = str(found) if isinstance(found, int) else ", ".join(found[:5])
        if found and name != "test_in_train":
            [line] = [line for line in lines if line.startswith(f"--   {name.replace('_', ' ')}: ")]
            assert line.partition(": ")[2].removesuffix(", …") == shown
    leaked = len(report["test_in_train"])
    told = f"--   {leaked} test examples are in training too; they stay in test"
    assert (told in lines) == (leaked > 0)
