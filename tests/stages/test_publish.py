import shutil
from pathlib import Path

import pytest

from bertline.artifacts import MANIFEST, digest, new_artifact, read_manifest, write_json
from bertline.config import Config
from bertline.drift.profile import Profile
from bertline.errors import ConfigError, DataError
from bertline.evaluation.gate import Gate, judge
from bertline.evaluation.predictors import open_predictor, predictor_names
from bertline.evaluation.results import FileResult
from bertline.publishing.registry import add_version, roll_back
from bertline.stages import publish
from bertline.stages.execute import execute
from bertline.stages.publish import Settings
from bertline.storage import fetch
from tests.evaluation.sample_results import make_file, make_results
from tests.evaluation.toy_material import write_material
from tests.storage.gcs_server import Cloud
from tests.toy_model import write_toy_folder

FILES = [make_file("saved_model"), make_file("litert_dynamic_int8"), make_file("openvino_int8")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("publish") / "exported"
    with new_artifact(path, "exported") as folder:
        write_toy_folder(folder)
    write_material(path.parent)
    return path


def run(settings: Settings, *, exported: Path, **others: Path) -> None:
    publish.run(settings, exported=exported, examples=exported.parent / "examples", **others)


def write_report(path: Path, exported: Path, gate: Gate, files: list[FileResult]) -> Path:
    results = make_results(*files)
    verdict = judge(gate, results)
    with new_artifact(path, "report", {"exported": digest(exported)}) as folder:
        results.write(folder)
        verdict.write(folder)
        for name in ("report.html", "model_card.md"):
            (folder / name).write_text(name)
    return path


def tell(artifact: Path, **about: object) -> None:
    """Changes what the manifest of an artifact tells."""
    manifest = read_manifest(artifact)
    changed = manifest.model_copy(update={"about": {**manifest.about, **about}})
    write_json(artifact / MANIFEST, changed.sealed().model_dump())


def about(path: Path) -> dict[str, object]:
    return read_manifest(path, "published").about


def test_a_blessed_model_becomes_a_version_that_can_be_used(tmp_path: Path, exported: Path) -> None:
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    registry, published = tmp_path / "registry", tmp_path / "published"
    run(
        Settings(name="toy"),
        exported=exported,
        report=report,
        registry=registry,
        published=published,
    )
    version = registry / "toy/1"
    assert about(published) == {
        "name": "toy",
        "version": 1,
        "path": str(version),
        "latest": 1,
        "reasons": [],
    }
    assert (registry / "toy/latest").read_text() == "1\n"
    for name in ("model_card.md", "metrics.json", "verdict.json", "report.html", "saved_model.pb"):
        assert (version / name).is_file()
    assert sorted(predictor_names(version)) == [
        "litert_dynamic_int8",
        "openvino_int8",
        "saved_model",
    ]
    for name in predictor_names(version):
        assert open_predictor(version, name).name == name


def test_a_version_tells_what_its_data_was_like(tmp_path: Path, exported: Path) -> None:
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    paths = {"registry": tmp_path / "r", "published": tmp_path / "published"}
    run(Settings(), exported=exported, report=report, **paths)
    version = tmp_path / "r/snips/1"
    assert "profile.json" in read_manifest(version, "exported").files
    profile = Profile.read(version / "profile.json")
    assert (profile.learnt.count, profile.test.count) == (10, 3)
    assert profile.learnt.labels["intents"] == {"PlayMusic": 5, "RateBook": 5}
    assert profile.learnt.unknown == 0


def test_what_was_rolled_back_is_not_published_again(tmp_path: Path, exported: Path) -> None:
    registry = tmp_path / "r"
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    (registry / "snips/1").mkdir(parents=True)
    for number in range(2):
        published = tmp_path / f"published {number}"
        run(Settings(), exported=exported, report=report, registry=registry, published=published)
        assert about(published)["version"] == (None if number else 2)
        assert roll_back(registry / "snips", 1) == 1
    assert about(published)["reasons"] == ["it is version 2, which was rolled back"]
    assert (registry / "snips/latest").read_text() == "1\n"


@pytest.mark.parametrize(
    ("champion", "latest", "reason"),
    [
        (1, 1, None),
        (None, 1, "compared with version None, but version 1 is in use by now"),
        (2, 1, "compared with version 2, but version 1 is in use by now"),
    ],
)
def test_a_comparison_holds_for_the_version_in_use(
    tmp_path: Path, exported: Path, champion: int | None, latest: int, reason: str | None
) -> None:
    registry, published = tmp_path / "r", tmp_path / "published"
    (registry / "snips" / str(latest)).mkdir(parents=True)
    (registry / "snips/latest").write_text(f"{latest}\n")
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    tell(report, champion=champion)
    for _ in range(2):  # published once, the version in use is its own
        run(Settings(), exported=exported, report=report, registry=registry, published=published)
        assert about(published)["version"] == (2 if reason is None else None)
        assert about(published)["reasons"] == ([] if reason is None else [reason])


def test_a_registry_in_a_bucket(cloud: Cloud, tmp_path: Path, exported: Path) -> None:
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    examples = exported.parent / "examples"
    paths = {"exported": str(exported), "examples": str(examples), "report": str(report)}
    model = "gs://data/models/toy"
    assert add_version(model, "before", lambda folder: (folder / "model.json").touch()) == 1
    for number in range(3):
        published = tmp_path / f"published {number}"
        registry = "gs://data/models/"
        execute("publish", '{"name": "toy"}', **paths, registry=registry, published=str(published))
        if number < 2:
            assert about(published)["version"] == 2
            assert about(published)["path"] == f"{model}/2"
            assert cloud.objects()["models/toy/latest"] == b"2\n"
        if number == 1:
            assert roll_back(model) == 1
    assert about(published)["reasons"] == ["it is version 2, which was rolled back"]
    assert cloud.objects()["models/toy/latest"] == b"1\n"
    version = fetch(f"{model}/2", tmp_path / "fetched")
    assert open_predictor(version, "openvino_int8").name == "openvino_int8"
    assert Profile.read(version / "profile.json").learnt.count == 10


def test_publishing_again_gives_the_same_version(tmp_path: Path, exported: Path) -> None:
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    for number in range(2):
        published = tmp_path / f"published {number}"
        run(
            Settings(),
            exported=exported,
            report=report,
            registry=tmp_path / "r",
            published=published,
        )
        assert about(published)["version"] == 1
    assert sorted(entry.name for entry in (tmp_path / "r/snips").iterdir()) == [
        ".lock",
        "1",
        "latest",
    ]


def test_a_refused_model_is_not_published(tmp_path: Path, exported: Path) -> None:
    gate = Gate(minimum={"slot_f1": 99.0}, required=("saved_model",))
    report = write_report(tmp_path / "report", exported, gate, FILES)
    published = tmp_path / "published"
    run(Settings(), exported=exported, report=report, registry=tmp_path / "r", published=published)
    assert about(published)["version"] is None
    assert about(published)["reasons"] == [
        "keras: slot F1 is 95.00 %; at least 99 % is asked for",
        "saved_model: slot F1 is 95.00 %; at least 99 % is asked for",
    ]
    assert not (tmp_path / "r").exists()


def test_a_file_that_failed_is_left_out(tmp_path: Path, exported: Path) -> None:
    gate = Gate(minimum={"slot_f1": 90.0}, required=("saved_model",))
    files = [FILES[0], make_file("litert_dynamic_int8", slot_f1=50.0), FILES[2]]
    report = write_report(tmp_path / "report", exported, gate, files)
    registry = tmp_path / "r"
    run(
        Settings(),
        exported=exported,
        report=report,
        registry=registry,
        published=tmp_path / "published",
    )
    assert predictor_names(registry / "snips/1") == ["saved_model", "openvino_int8"]


def test_a_report_on_another_model_is_refused(tmp_path: Path, exported: Path) -> None:
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    tell(report, exported="0" * 64)
    with pytest.raises(DataError, match="not a report on"):
        run(
            Settings(),
            exported=exported,
            report=report,
            registry=tmp_path / "r",
            published=tmp_path / "published",
        )


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden"])
def test_a_name_is_one_plain_folder(name: str) -> None:
    settings: type[Config] = Settings
    with pytest.raises(ConfigError, match="'name'"):
        settings.parse({"name": name}, where="publish")


def copied(exported: Path, target: Path) -> Path:
    """A copy of an exported folder that a test may damage, beside the examples."""
    shutil.copytree(exported.parent, target)
    return target / exported.name


@pytest.mark.parametrize(
    ("name", "copy"), [("openvino_int8/model.bin", "model.bin"), ("vocab.txt", "vocab.txt")]
)
def test_what_was_damaged_since_it_was_judged_is_not_published(
    tmp_path: Path, exported: Path, name: str, copy: str
) -> None:
    exported = copied(exported, tmp_path / "copy")
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    content = bytearray((exported / name).read_bytes())
    content[len(content) // 2] ^= 1
    (exported / name).write_bytes(content)
    registry, published = tmp_path / "r", tmp_path / "published"
    with pytest.raises(DataError, match=f"copy of {copy} is not what evaluate read"):
        run(Settings(), exported=exported, report=report, registry=registry, published=published)
    assert [entry for entry in (registry / "snips").iterdir() if entry.name != ".lock"] == []
    assert not published.exists()


def test_pages_of_the_report_are_those_that_evaluate_wrote(tmp_path: Path, exported: Path) -> None:
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    (report / "model_card.md").write_text("another model")
    paths = {"registry": tmp_path / "r", "published": tmp_path / "published"}
    with pytest.raises(DataError, match="copy of model_card.md is not what evaluate read"):
        run(Settings(), exported=exported, report=report, **paths)


def test_files_that_the_manifest_does_not_name_are_left_out(tmp_path: Path, exported: Path) -> None:
    exported = copied(exported, tmp_path / "copy")
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    (exported / "notes.txt").touch()
    paths = {"registry": tmp_path / "r", "published": tmp_path / "published"}
    run(Settings(), exported=exported, report=report, **paths)
    assert not (tmp_path / "r/snips/1/notes.txt").exists()


def test_the_note_tells_which_version_is_in_use(tmp_path: Path, exported: Path) -> None:
    report = write_report(tmp_path / "report", exported, Gate(), FILES)
    paths = {"registry": tmp_path / "r", "published": tmp_path / "published"}
    run(Settings(), exported=exported, report=report, **paths)
    add_version(tmp_path / "r/snips", "another", lambda folder: (folder / "model.json").touch())
    run(Settings(), exported=exported, report=report, **paths)
    told = about(tmp_path / "published")
    assert (told["version"], told["latest"]) == (1, 2)
