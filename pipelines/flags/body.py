"""Settings → the text that runs them: a recipe, or a `bertline convert` line."""

import importlib
import re
import shlex
from collections.abc import Mapping
from typing import Any

from bertline.config import Config
from bertline.tables.stages import STAGES
from pipelines.recipe import Recipe
from pipelines.yaml_text import parse_yaml, write_yaml

PLAIN_WORD = re.compile(r"(?:[\w@%+=:,./~-]|\$\w|\$\{\w+\})+")


def recipe_text(settings: Mapping[str, Any]) -> str:
    """The YAML of a recipe with `settings`, "stage.key" → value; ConfigError if one is wrong."""
    stages: dict[str, dict[str, Any]] = {}
    for path, value in settings.items():
        stage, _, key = path.partition(".")
        stages.setdefault(stage, {})[key] = value
    task = stages["ingest"]["task"]
    recipe = {
        "name": f"imported-{task}",
        "description": f"Imported from a command line of another project; task {task}.",
        "stages": {stage: stages[stage] for stage in STAGES if stage in stages},
    }
    text = write_yaml(recipe)
    Recipe.parse(parse_yaml(text), where="import-flags").settings()
    return text


def convert_line(options: Mapping[str, Any]) -> str:
    """The shell's line of `bertline convert` with `options`; ConfigError if one is wrong.

    options: CHECKPOINT, and the others by their names.
    """
    names = options.get("--output-names")
    values = {
        "formats": [options["--to"]],
        "static": options.get("--static"),
        "output_names": names.split(",") if names else [],
        "calibration": options.get("--calibration"),
    }
    kind: type[Config] = importlib.import_module("bertline.stages.convert").Settings
    kind.parse(values, where="import-flags: convert")
    words = ["bertline", "convert", options["CHECKPOINT"]]
    for option, value in options.items():
        if option != "CHECKPOINT":
            words += [option, value]
    return " ".join(_quoted(word) for word in words) + "\n"


def nothing(settings: Mapping[str, Any]) -> str:
    """No text: none of the script's stages is there."""
    assert not settings
    return ""


def _quoted(word: str) -> str:
    """A word for a shell, in which its variables still mean something."""
    return word if PLAIN_WORD.fullmatch(word) else shlex.quote(word)
