"""Recipes: YAML files that name the settings of every stage, and how they are read and checked."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeGuard

from pydantic import Field

from bertline.config import Config, matching, nearest
from bertline.errors import ConfigError
from bertline.files import check_readable
from bertline.tables.stages import STAGES, stages_of
from pipelines.yaml_text import parse_yaml

FOLDER = Path(__file__).parent / "recipes"
PROJECT = Path(__file__).parent.parent
MAX_BYTES = 1_000_000
"""Of a file with a recipe or a target."""
PIPELINES = {
    pipeline: stages_of(pipeline, "cached", "always")
    for pipeline in ("train", "retrain", "convert")
}
"""Pipeline → its stages that have settings; pipelines.compose tells which feeds which."""
OPTIONAL = {pipeline: stages_of(pipeline, "optional") for pipeline in PIPELINES}
"""Pipeline → the stages that it has only where the recipe has settings for them."""
CHECKSUMS = "sha256"
"""The setting beside them that holds their checksums, in the stages that check them."""


Name = Annotated[
    str,
    matching(
        r"[A-Za-z0-9]([A-Za-z0-9 ._-]{0,98}[A-Za-z0-9])?",
        "up to 100 Latin letters, digits, spaces and . _ -, the first and last a letter or digit",
    ),
]
"""Runs' folders and logs, pipelines and runs on clusters are called by it."""


class Recipe(Config):
    """Settings of a pipeline.

    pipeline: name in PIPELINES. needs_accelerator: training is hopeless on CPUs, so that a cluster
    has to give a GPU or TPU. needs: "stage.key" → what it must be given by the user, for what has
    no default. stages: stage → settings; what is left out has the stage's default. Relative
    paths in a recipe of the project are meant from the project's folder, in another file from the
    folder of that file, and those of a user from the working directory.
    """

    name: Name
    description: str
    pipeline: Literal["train", "retrain", "convert"] = "train"
    needs_accelerator: bool = False
    needs: dict[str, str] = Field(default_factory=dict)
    stages: dict[str, dict[str, Any]] = Field(default_factory=dict)

    def changed(self, values: Mapping[str, Any]) -> Self:
        """The recipe with other values, "stage.key" → value (deeper keys are dotted too).

        Raises ConfigError for what is no key of a known stage; `settings` checks the rest.
        """
        stages = dict(self.stages)
        for stage, row in STAGES.items():
            if stage in stages and any(f"{stage}.{key}" in values for key in row.sources):
                # The checksums are of the files that the new ones replace.
                stages[stage] = {k: v for k, v in stages[stage].items() if k != CHECKSUMS}
        for path, value in values.items():
            stage, *parts = path.split(".")
            if not parts or not all(parts):
                raise ConfigError(f"{path}: expected STAGE.KEY, such as finetune.num_epochs")
            self._check_stage(stage, path)
            if parts[-1] in STAGES[stage].sources:
                value = _each(value, partial(_absolute, Path.cwd()), Path.cwd())
            stages[stage] = replaced(stages.get(stage, {}), parts, value, path)
        return self.model_copy(update={"stages": stages})

    def at_home(self) -> Self:
        """The recipe with the project's own data under absolute paths; ConfigError if missing."""
        return self.with_paths(self._in_project)

    def with_paths(self, moved: Callable[[str], str], base: Path = PROJECT) -> Self:
        """The recipe with `moved(path)` for every local path of what comes from outside.

        base: the folder that relative paths are meant from.
        """
        stages = dict(self.stages)
        for stage, key in ((row.name, key) for row in STAGES.values() for key in row.sources):
            if key in stages.get(stage, {}):
                found = _each(stages[stage][key], moved, base)
                stages[stage] = {**stages[stage], key: found}
        return self.model_copy(update={"stages": stages})

    def _in_project(self, path: str) -> str:
        """The absolute form of a path of the recipe; an absolute one stays as it is."""
        found = PROJECT / path
        if not Path(path).is_absolute() and not _exists(found):
            raise ConfigError(
                f"recipe {self.name}: {found} is missing (an installed package has no samples); "
                "run in a clone of the repository or give --data DIR"
            )
        return str(found)

    def settings(self) -> dict[str, str]:
        """Stage → its complete settings as JSON, all of them checked.

        Raises ConfigError for an unknown stage or key (naming the nearest), a wrong value, what the
        recipe needs but was not given, and thresholds of another task's metrics.
        """
        for stage in self.stages:
            self._check_stage(stage, f"recipe {self.name}")
        for path, what in self.needs.items():
            stage, _, key = path.partition(".")
            if key not in self.stages.get(stage, {}):
                raise ConfigError(
                    f"recipe {self.name}: {path} is not set ({what}); give --set {path}=VALUE"
                )
        checked: dict[str, Any] = {}
        wanted = {*PIPELINES[self.pipeline], *self.stages}
        for stage in sorted(wanted, key=[*STAGES].index):
            kind: type[Config] = importlib.import_module(f"bertline.stages.{stage}").Settings
            values = self.stages.get(stage, {})
            checked[stage] = kind.parse(values, where=f"recipe {self.name}: {stage}")
        try:
            _check_together(checked)
        except ConfigError as error:
            raise ConfigError(f"recipe {self.name}: {error}") from None
        return {stage: settings.to_json() for stage, settings in checked.items()}

    def _check_stage(self, stage: str, where: str) -> None:
        stages = (*PIPELINES[self.pipeline], *OPTIONAL[self.pipeline])
        if stage not in stages:
            raise ConfigError(f"{where}: unknown stage {stage!r}; {nearest(stage, list(stages))}")


def _check_together(checked: Mapping[str, Any]) -> None:
    """Raises ConfigError where the settings of stages do not fit one another."""
    # Judges take NumPy and tokenizers, which listing recipes does not need.
    from bertline.evaluation.judges import judge_for
    from bertline.export.listing import INTEGER
    from bertline.tasks import get_task

    if "evaluate" in checked:
        judge = judge_for(get_task(checked["ingest"].task))
        checked["evaluate"].gate.check_task(judge)
        is_quantized = "quantize" in checked or checked["finetune"].quantization is not None
        if INTEGER in checked["export"].formats and not is_quantized:
            raise ConfigError(
                f"export.formats: {INTEGER} is of a model that was trained to be quantized; "
                "add the stage quantize"
            )
    if "compare_models" in checked:
        checked["compare_models"].check_task(judge)
        names = checked["compare_data"].name, checked["publish"].name
        if len(set(names)) > 1:
            raise ConfigError(
                f"compare_data.name {names[0]!r}, publish.name {names[1]!r}; give one"
            )


def recipe_names() -> list[str]:
    """Names of the recipes that come with the project."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def load_recipe(name: str) -> Recipe:
    """The recipe of that name, or in that YAML file; raises ConfigError."""
    file, values = read_values(name, FOLDER, "recipe")
    recipe = Recipe.parse(values, where=f"recipe {file.name}")
    if file.parent == FOLDER:
        return recipe
    folder = file.parent.absolute()
    return recipe.with_paths(partial(_absolute, folder), folder)


def read_values(name: str, folder: Path, what: str) -> tuple[Path, dict[str, Any]]:
    """The YAML file `name`, or the one of that name in `folder`, and its keys and values.

    Raises ConfigError; `what` is what the message calls the file.
    """
    file = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    try:
        if check_readable(file).stat().st_size > MAX_BYTES:
            raise ConfigError(f"{what} {file}: more than {MAX_BYTES:,} bytes; give another file")
        values = parse_yaml(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(each.stem for each in folder.glob("*.yaml"))
        raise ConfigError(f"unknown {what} {name!r:.60}; {nearest(name, known)}") from None
    except OSError as error:
        raise ConfigError(f"{what} {file!s:.200}: {error.strerror}; give another one") from None
    except ValueError as error:
        raise ConfigError(f"{what} {file}: {error}; correct the file") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{what} {file}: expected keys and values, got {values!r:.40}")
    return file, values


def parse_assignment(text: str) -> tuple[str, Any]:
    """("stage.key", value) of "stage.key=value", the value read as YAML; raises ConfigError."""
    path, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text!r}: expected STAGE.KEY=VALUE, such as finetune.num_epochs=1")
    try:
        return path, parse_yaml(value)
    except ValueError as error:
        raise ConfigError(f"{text!r:.60}: the value is not YAML ({error}); quote it") from None


def as_list(value: Any) -> list[Any]:
    """The elements of a list or tuple; anything else is the only element."""
    return [*value] if isinstance(value, list | tuple) else [value]


def _each(value: Any, moved: Callable[[str], str], base: Path) -> Any:
    """A source, or a list of them, with `moved(path)` for its local paths."""
    if isinstance(value, list | tuple):
        return [_each(source, moved, base) for source in value]
    return moved(value) if _is_local(value, base) else value


def _is_local(value: object, base: Path) -> TypeGuard[str]:
    """Whether a setting is a local path, meant from `base`, and no address and no plain name."""
    if not isinstance(value, str) or not value or "://" in value:
        return False
    return "/" in value or _exists(base / value)


def _absolute(base: Path, path: str) -> str:
    """A path that is meant from `base`; ~ is the user's home."""
    try:
        return str(base / Path(path).expanduser())
    except RuntimeError:
        raise ConfigError(f"{path}: no such user; write the path without ~") from None


def _exists(path: Path) -> bool:
    """Whether there is a file or folder, or a TF1 checkpoint whose files' names begin so."""
    return path.exists() or Path(f"{path}.index").exists()


def replaced(
    values: Mapping[str, Any], keys: Sequence[str], value: Any, where: str
) -> dict[str, Any]:
    """`values` with the value at nested `keys` replaced; ConfigError where no keys can be."""
    first, *rest = keys
    if rest:
        inner = values.get(first, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{where}: {first!r} has no keys of its own, it is {inner!r}")
        value = replaced(inner, rest, value, where)
    return {**values, first: value}
