from pathlib import Path

import pytest

import bertline
from bertline.artifacts import new_artifact
from bertline.errors import ConfigError, DataError, StorageError
from bertline.evaluation.remote import local_path
from tests.storage.gcs_server import Cloud

TEXT = "play some jazz"


def test_a_path_is_used_in_place() -> None:
    assert local_path("a/b") == local_path(Path("a/b")) == Path("a/b")


def test_a_model_in_a_bucket_answers_as_on_disk(cloud: Cloud, toy_folder: Path) -> None:
    cloud.put_folder(toy_folder, "registry/toy/3")
    cloud.put(**{"registry/toy/latest": b"3\n"})
    (here,) = bertline.load(toy_folder).predict([TEXT])
    for address in ("gs://data/registry/toy/3", "gs://data/registry/toy/"):
        assert bertline.load(address).predict([TEXT]) == [here]


def test_what_is_there_is_not_brought_again(cloud: Cloud) -> None:
    cloud.put(**{"model/exports.json": b"{}", "model/model.json": b"{}"})
    first = local_path("gs://data/model")
    cloud.requests.clear()
    assert local_path("gs://data/model") == first
    assert not [request for request in cloud.requests if "exports.json" in request]
    assert sorted(file.name for file in first.iterdir()) == ["exports.json", "model.json"]


def test_other_contents_are_another_folder(cloud: Cloud) -> None:
    cloud.put(**{"model/exports.json": b"{}"})
    first = local_path("gs://data/model")
    cloud.put(**{"model/exports.json": b"{ }"})
    second = local_path("gs://data/model")
    assert (first / "exports.json").read_bytes() == b"{}"
    assert (second / "exports.json").read_bytes() == b"{ }"


def test_an_address_may_go_on_to_a_file(cloud: Cloud) -> None:
    cloud.put(**{"toy/2/exports.json": b"{}", "toy/latest": b"2", "toy/2/xml/model.xml": b""})
    for address in ("gs://data/toy/2/xml/model.xml", "gs://data/toy/xml/model.xml"):
        path = local_path(address)
        assert path.parts[-3:] == ("2", "xml", "model.xml")
        assert path.is_file()


def test_no_model_is_one_line(cloud: Cloud) -> None:
    cloud.put(**{"toy/other": b""})
    with pytest.raises(ConfigError, match=r"^gs://data/toy: no model \(no exports.json\); give "):
        local_path("gs://data/toy")
    with pytest.raises(StorageError, match=r"^s3://b/toy: models lie in folders or at gs://"):
        local_path("s3://b/toy")


def put_model(cloud: Cloud, folder: Path, key: str) -> None:
    with new_artifact(folder, "exported") as new:
        (new / "exports.json").write_text("{}")
        (new / "weights").write_text("weights")
    cloud.put_folder(folder, key)


def test_a_damaged_copy_is_brought_again(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_model(cloud, tmp_path / "model", "toy/1")
    copy = local_path("gs://data/toy/1")
    (copy / "weights").write_text("Weights")
    capsys.readouterr()
    assert (local_path("gs://data/toy/1", verified=False) / "weights").read_text() == "Weights"
    assert "damaged" not in capsys.readouterr().err
    assert local_path("gs://data/toy/1") == copy
    assert (copy / "weights").read_text() == "weights"
    damaged = "damaged (its SHA-256 is not the manifest's); the model is fetched again"
    assert f"{copy / 'weights'}: {damaged}\n" in capsys.readouterr().err


def test_a_model_that_is_damaged_in_its_bucket_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    put_model(cloud, tmp_path / "model", "toy/1")
    cloud.put(**{"toy/1/weights": b"Weights"})
    with pytest.raises(DataError, match="1/weights: damaged"):
        local_path("gs://data/toy/1")


@pytest.mark.parametrize("latest", [b"../secret", b"1/../../other"])
def test_latest_leads_nowhere_else(cloud: Cloud, latest: bytes) -> None:
    cloud.put(**{"toy/latest": latest, "secret/exports.json": b"{}", "other/exports.json": b"{}"})
    with pytest.raises(StorageError, match="gs://data/toy/latest: .* is no version's number"):
        local_path("gs://data/toy")
