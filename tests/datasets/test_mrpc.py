from pathlib import Path

import pytest

from bertline.datasets import mrpc
from bertline.errors import DataError
from bertline.examples import LabelledText

HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
TRAIN = [HEADER, '1\t12\t7\tHe said "no.\t"No," he said.', "0\t3\t4\tIt's on.\tIt's off."]
TEST = [HEADER, "0\t5\t6\tUp\u0085here.\tDown."]

NO_ODDITY = {"cp1252_files": 0, "cp1252_lines": 0, "rows_without_ids": 0}


def write(folder: Path, *, glue: bool = False, **lines: list[str]) -> Path:
    """`folder` with the files of one layout; lines: "train" or "test" → its lines."""
    names = dict(zip(("train", "test"), mrpc.LAYOUTS[1 if glue else 0], strict=True))
    for split, content in {"train": TRAIN, "test": TEST, **lines}.items():
        text = "".join(line + ("\n" if glue else "\r\n") for line in content)
        folder.mkdir(exist_ok=True)
        (folder / names[split]).write_bytes(text.encode("utf-8" if glue else "utf-8-sig"))
    return folder


@pytest.mark.parametrize("glue", [False, True])
def test_pairs_with_quotes_as_they_are(tmp_path: Path, glue: bool) -> None:
    dataset = mrpc.read(write(tmp_path / "mrpc", glue=glue).parent)
    assert dataset.train == [
        LabelledText("12-7", 'He said "no.', "equivalent", '"No," he said.'),
        LabelledText("3-4", "It's on.", "not_equivalent", "It's off."),
    ]
    assert dataset.test == [LabelledText("5-6", "Up\u0085here.", "not_equivalent", "Down.")]
    assert dataset.report == {**NO_ODDITY, "unread": 0, "unread_names": []}


def test_the_original_files_go_before_those_of_glue(tmp_path: Path) -> None:
    write(tmp_path, glue=True, train=TRAIN[:2])
    assert len(mrpc.read(tmp_path).train) == 1
    (tmp_path / "test.tsv").write_text("index\n")
    assert len(mrpc.read(write(tmp_path)).train) == 2


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    moved = ["\t".join([*line.split("\t")[1:], line.split("\t")[0]]) for line in TRAIN]
    assert mrpc.read(write(tmp_path, train=moved)) == mrpc.read(write(tmp_path / "usual"))


def test_oddities_are_counted(tmp_path: Path) -> None:
    file = write(tmp_path) / "msr_paraphrase_train.txt"
    odd = "0\t-1\t-1\tmine\tmine\r\n\r\n1\t8\t9\tCafé.\tA café.\r\n".encode("latin-1")
    file.write_bytes(file.read_bytes() + odd)
    dataset = mrpc.read(tmp_path)
    assert [example.id for example in dataset.train] == ["12-7", "3-4", "8-9"]
    assert dataset.train[2].content == "Café.\tA café."
    assert dataset.report == {
        "cp1252_files": 1,
        "cp1252_lines": 1,
        "rows_without_ids": 1,
        "unread": 0,
        "unread_names": [],
    }


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "train.txt:1: no column 'Quality'; expected Quality, #1 ID, #2 ID, #1 String"),
        ([HEADER.replace("#2 S", "S")], "train.txt:1: no column '#2 String'; expected"),
        ([*TRAIN, "1\t1\t2\ta"], "train.txt:4: 4 columns, expected 5; correct the row"),
        ([HEADER, "1\t1\t2\ta\tb\tc"], "train.txt:2: 6 columns, expected 5; correct the row"),
        ([HEADER, "2\t1\t2\ta\tb"], "train.txt:2: quality '2', expected 0 or 1; correct"),
        ([HEADER, "1\t1\t2\ta\t "], "train.txt:2: an empty sentence; remove the row"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError) as raised:
        mrpc.read(write(tmp_path, train=lines))
    assert message in str(raised.value)


def test_missing_and_double_files_are_told(tmp_path: Path) -> None:
    missing = "no msr_paraphrase_train.txt and msr_paraphrase_test.txt or train.tsv and dev.tsv"
    with pytest.raises(DataError, match=missing):
        mrpc.read(tmp_path)
    write(tmp_path / "one", glue=True)
    (tmp_path / "one" / "dev.tsv").rename(tmp_path / "one" / "test.tsv")
    with pytest.raises(DataError, match=missing):
        mrpc.read(tmp_path)
    write(tmp_path / "one")
    write(tmp_path / "two")
    with pytest.raises(DataError, match="two/msr_paraphrase_train.txt: also in .*one; give one"):
        mrpc.read(tmp_path)


@pytest.mark.real
def test_real_files(shared: Path) -> None:
    dataset = mrpc.read(shared / "data" / "mrpc")
    equivalent = [
        sum(example.labels() == {"classes": {"equivalent"}} for example in split)
        for split in (dataset.train, dataset.test)
    ]
    assert (len(dataset.train), len(dataset.test), *equivalent) == (4_076, 1_725, 2_753, 1_147)
    assert dataset.report["rows_without_ids"] == 4
