import tarfile
import zipfile
from pathlib import Path

import pytest

from bertline.errors import CheckpointError, StorageError
from bertline.modeling.checkpoints import packaged, source
from bertline.modeling.checkpoints.known import KNOWN
from bertline.modeling.checkpoints.source import Files, files_behind, opened
from bertline.storage import sources_digest
from tests.storage.gcs_server import Cloud

TINY = "uncased_L-2_H-128_A-2"
GOOGLE = ("bert_config.json", "vocab.txt", "bert_model.ckpt.index", "bert_model.ckpt.data-0")


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"{folder.name} {name}")
    return folder


def zipped(folder: Path, archive: Path, below: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.iterdir():
            file.write(path, f"{below}{path.name}")
    return archive


def files_of(checkpoint: Path | str, **others: str | None) -> Files:
    with opened(str(checkpoint), **{"config": None, "vocab": None} | others) as files:
        assert files.config.is_file()
        assert files.vocab.is_file()
        return files


def test_a_folder_of_google_s(tmp_path: Path) -> None:
    folder = fill(tmp_path / "bert", *GOOGLE)
    files = files_of(folder)
    assert files == Files(
        folder=folder,
        prefix=folder / "bert_model.ckpt",
        config=folder / "bert_config.json",
        vocab=folder / "vocab.txt",
        known=None,
    )


def test_a_folder_of_hugging_face_s(tmp_path: Path) -> None:
    folder = fill(tmp_path / "bert", "config.json", "vocab.txt", "model.safetensors")
    fill(folder / "1_Pooling", "config.json")
    files = files_of(folder)
    assert (files.prefix, files.config) == (None, folder / "config.json")


@pytest.mark.parametrize("below", ["", "bert/", "a/b/c/"])
def test_a_zip_with_the_folder_at_any_depth(tmp_path: Path, below: str) -> None:
    folder = fill(tmp_path / "bert", *GOOGLE)
    archive = zipped(folder, tmp_path / "bert.zip", below)
    with opened(str(archive), None, None) as files:
        assert files.prefix
        assert files.prefix.name == "bert_model.ckpt"
        assert files.vocab.read_text() == "bert vocab.txt"
    assert not files.vocab.exists()


def test_a_tar_gz(tmp_path: Path) -> None:
    folder = fill(tmp_path / TINY, *GOOGLE)
    with tarfile.open(tmp_path / "bert.tar.gz", "w:gz") as file:
        file.add(folder, TINY)
    with opened(str(tmp_path / "bert.tar.gz"), None, None) as files:
        assert files.config.read_text() == f"{TINY} bert_config.json"
        assert files.known == KNOWN[TINY]


def test_a_bare_prefix_with_files_of_another_folder(tmp_path: Path) -> None:
    folder = fill(tmp_path / "result1", "model.ckpt-0.index", "model.ckpt-468.index")
    bert = fill(tmp_path / TINY, "bert_config.json", "vocab.txt")
    others = {"config": str(bert / "bert_config.json"), "vocab": str(bert / "vocab.txt")}
    for name in ("model.ckpt-468", "model.ckpt-468.index"):
        files = files_of(folder / name, **others)
        assert files.prefix == folder / "model.ckpt-468"
        assert files.config == bert / "bert_config.json"
        assert files.vocab == bert / "vocab.txt"


@pytest.mark.parametrize("name", ["bert_model.ckpt", "bert_model.ckpt.index"])
def test_a_bare_prefix_in_a_bucket(cloud: Cloud, tmp_path: Path, name: str) -> None:
    folder = fill(tmp_path / TINY, *GOOGLE, "bert_model.ckpt-2.index", "other.bin")
    address = cloud.put_folder(folder, f"berts/{TINY}")
    with opened(f"{address}/{name}", None, None) as files:
        assert files.prefix == files.folder / "bert_model.ckpt"
        assert files.known == KNOWN[TINY]
        assert sorted(file.name for file in files.folder.iterdir()) == sorted(GOOGLE)
        for file in GOOGLE:
            assert (files.folder / file).read_text() == (folder / file).read_text()
    assert sorted(files_behind(f"{address}/{name}")) == sorted(f"{address}/{f}" for f in GOOGLE)
    assert len(sources_digest(files_behind(f"{address}/{name}"))) == 64


def test_a_bare_prefix_in_a_bucket_with_files_of_another_folder(
    cloud: Cloud, tmp_path: Path
) -> None:
    run = cloud.put_folder(fill(tmp_path / "run", "model.ckpt-468.index"), "run")
    bert = cloud.put_folder(fill(tmp_path / "bert", "bert_config.json", "vocab.txt"), "bert")
    others = {"config": f"{bert}/bert_config.json", "vocab": f"{bert}/vocab.txt"}
    with opened(f"{run}/model.ckpt-468", **others) as files:
        assert files.config.read_text() == "bert bert_config.json"
        assert files.vocab.read_text() == "bert vocab.txt"
    with (
        pytest.raises(CheckpointError) as raised,
        opened(f"{run}/model.ckpt-468", None, None) as files,
    ):
        raise CheckpointError(f"{files.config}: no such file")
    assert str(raised.value) == f"{run}/bert_config.json: no such file"


def test_folders_and_archives_in_a_bucket(cloud: Cloud, tmp_path: Path) -> None:
    folder = fill(tmp_path / "bert", *GOOGLE)
    archive = zipped(folder, tmp_path / "bert.zip", "a/")
    cloud.put(**{"berts/bert.zip": archive.read_bytes()})
    for address in (cloud.put_folder(folder, "berts/bert"), "gs://data/berts/bert.zip"):
        with opened(address, None, None) as files:
            assert files.vocab.read_text() == "bert vocab.txt"
        assert files_behind(address) == [address]


def test_the_name_of_a_folder_or_an_archive_tells_what_it_is(tmp_path: Path) -> None:
    chinese = "chinese_L-12_H-768_A-12"
    folder = fill(tmp_path / chinese, *GOOGLE)
    assert files_of(folder).known == KNOWN[chinese]
    assert files_of(folder / "bert_model.ckpt").known == KNOWN[chinese]
    archive = zipped(folder, tmp_path / "multi_cased_L-12_H-768_A-12.zip")
    with opened(str(archive), None, None) as files:
        assert files.known
        assert not files.known.config.do_lower_case


def test_a_known_name_is_fetched_from_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(fill(tmp_path / "bert", *GOOGLE), tmp_path / "x.zip")
    asked: list[str] = []

    def fetch(address: str, folder: Path) -> Path:
        asked.append(address)
        return archive

    monkeypatch.setattr(source, "fetch", fetch)
    with opened(TINY, None, None) as files:
        assert files.known == KNOWN[TINY]
    assert asked == [KNOWN[TINY].address]


def test_where_it_cannot_be_fetched_the_file_to_get_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = KNOWN[TINY].address

    def fetch(source: str, folder: Path) -> Path:
        raise StorageError(f"{source}: cannot be reached (no route); check the address")

    monkeypatch.setattr(source, "fetch", fetch)
    with pytest.raises(StorageError) as raised, opened(TINY, None, None):
        pass
    assert str(raised.value) == (
        f"{TINY}: {address} cannot be reached (no route); get this file elsewhere and set "
        "import_checkpoint.checkpoint to its path"
    )


def refused(checkpoint: Path | str, message: str, kind: type[Exception] = CheckpointError) -> None:
    with pytest.raises(kind, match=message) as raised, opened(str(checkpoint), None, None):
        pass
    assert "\n" not in str(raised.value)
    assert "bertline-" not in str(raised.value)


def test_what_is_nowhere(tmp_path: Path) -> None:
    message = "bert: no such file or folder, and no name that `bertline checkpoints` lists; check"
    refused(tmp_path / "bert", message)
    refused("uncased_L-3_H-768_A-12", r"^uncased_L-3_H-768_A-12: no such file or folder, and no")


def test_what_holds_no_checkpoint_or_two(tmp_path: Path) -> None:
    empty = zipped(fill(tmp_path / "a", "README.md"), tmp_path / "empty.zip", "a/")
    refused(empty, rf"^{empty}: 0 folders with a checkpoint \(bert_config.json and .*; give what")
    fill(tmp_path / "two/a", *GOOGLE)
    fill(tmp_path / "two/b", *GOOGLE)
    refused(tmp_path / "two", "two: 2 folders with a checkpoint")


def test_a_damaged_archive_is_told_by_its_name(tmp_path: Path) -> None:
    archive = zipped(fill(tmp_path / "bert", *GOOGLE), tmp_path / "bert.zip")
    archive.write_bytes(archive.read_bytes()[:-30])
    refused(archive, rf"^{archive}: not a whole zip", StorageError)


def test_problems_inside_an_archive_are_told_by_its_name(tmp_path: Path) -> None:
    archive = zipped(fill(tmp_path / "bert", *GOOGLE), tmp_path / "bert.zip", "bert/")
    with pytest.raises(CheckpointError) as raised, opened(str(archive), None, None) as files:
        raise CheckpointError(f"{files.vocab}: 31 entries")
    assert str(raised.value) == f"{archive}/bert/vocab.txt: 31 entries"


def test_the_files_behind_a_checkpoint(tmp_path: Path) -> None:
    folder = fill(tmp_path / "result1", *GOOGLE, "bert_model.ckpt-2.index")
    assert files_behind(str(folder)) == [str(folder)]
    assert files_behind("https://host/bert.zip") == ["https://host/bert.zip"]
    assert files_behind(TINY) == []
    assert files_behind("packaged") == [str(packaged.folder())]
    behind = files_behind(str(folder / "bert_model.ckpt"))
    names = ["bert_model.ckpt.data-0", "bert_model.ckpt.index", "bert_config.json", "vocab.txt"]
    assert behind == [str(folder / name) for name in names]


def test_errors_name_files_beside_the_checkpoint_by_their_addresses(
    tmp_path: Path, cloud: Cloud
) -> None:
    cloud.put(**{"files/vocab.txt": b"", "files/config.json": b""})
    (tmp_path / "config.json").write_text("{}")
    given = "gs://data/files/config.json", "gs://data/files/vocab.txt"
    with pytest.raises(CheckpointError) as raised, opened(str(tmp_path), *given) as files:
        raise CheckpointError(f"{files.config}: bad; {files.vocab}:1: bad")
    assert str(raised.value) == f"{given[0]}: bad; {given[1]}:1: bad"
