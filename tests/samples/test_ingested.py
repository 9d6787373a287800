import json
from pathlib import Path

import pytest

from bertline.artifacts import read_manifest
from bertline.stages import ingest
from pipelines.recipe import load_recipe
from samples.templates import HERE


@pytest.mark.parametrize(
    ("task", "counts", "classes"),
    [
        ("imdb", {"train": 700, "dev": 500, "test": 400}, ["Negative", "Positive"]),
        ("mrpc", {"train": 600, "dev": 200, "test": 200}, ["equivalent", "not_equivalent"]),
    ],
)
def test_recipes_take_the_samples_for_the_dataset(
    tmp_path: Path, task: str, counts: dict[str, int], classes: list[str]
) -> None:
    recipe = load_recipe(task).changed({"ingest.source": str(HERE / task)})
    settings = ingest.Settings.parse_json(recipe.settings()["ingest"], where=task)
    ingest.run(settings, examples=tmp_path / "examples")
    about = read_manifest(tmp_path / "examples", "examples").about
    assert (about["task"], about["counts"]) == (task, counts)
    assert about["labels"] == {"classes": classes}
    assert about["report"]["test_in_train"] == []


@pytest.mark.parametrize("task", ["squad-v1", "squad-v2"])
def test_articles_of_questions_are_on_one_side(tmp_path: Path, task: str) -> None:
    recipe = load_recipe(task).changed({"ingest.source": str(HERE / task)})
    settings = ingest.Settings.parse_json(recipe.settings()["ingest"], where=task)
    ingest.run(settings, examples=tmp_path / "examples")
    articles = [
        {question["article"] for question in map(json.loads, file.read_text().splitlines())}
        for file in sorted((tmp_path / "examples").glob("*.jsonl"))
    ]
    assert [len(each) > 1 for each in articles] == [True, True, True]
    assert len(set.union(*articles)) == sum(map(len, articles))


def test_text_has_no_test_split(tmp_path: Path) -> None:
    settings = ingest.Settings(task="text", source=(str(HERE / "text"),), dev_size=30)
    ingest.run(settings, examples=tmp_path / "examples")
    about = read_manifest(tmp_path / "examples", "examples").about
    assert about["counts"] == {"train": 170, "dev": 30, "test": 0}
