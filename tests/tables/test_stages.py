"""Every row has its module, its component and its place in pipelines."""

import importlib

import pytest

from bertline.code_version import ROOT
from bertline.tables.stages import IMAGES, STAGES, Stage, stages_of


@pytest.mark.parametrize("row", STAGES.values(), ids=lambda row: row.name)
def test_a_row_names_what_is_there(row: Stage) -> None:
    fields = importlib.import_module(f"bertline.stages.{row.name}").Settings.model_fields
    assert set(row.sources) <= set(fields)
    assert (ROOT / "components" / f"{row.name}.py").is_file()
    assert row.image in IMAGES


def test_modules_of_stages_have_rows() -> None:
    runnable = {
        file.stem
        for file in (ROOT / "bertline" / "stages").glob("*.py")
        if "def run(" in file.read_text(encoding="utf-8")
    }
    # select_sites is run by a command, and no pipeline has it.
    assert runnable - {"execute", "select_sites"} == set(STAGES)


def test_images_have_a_lock() -> None:
    for image in IMAGES:
        assert (ROOT / "images" / image / "requirements.txt").is_file()


def test_stages_of_a_pipeline_in_the_order_of_data() -> None:
    assert stages_of("convert", "cached") == ("import_checkpoint", "convert")
    assert stages_of("train", "optional") == ("quantize",)
    assert stages_of("retrain", "always") == (
        "ingest",
        "compare_data",
        "evaluate",
        "compare_models",
        "publish",
    )
    assert stages_of("train", "always") == ("evaluate", "publish")
    assert stages_of("convert", "always", "optional") == ()
