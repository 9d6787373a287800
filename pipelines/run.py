"""`bertline run`: a recipe, from its sources to a verdict or to files, on this machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from bertline.artifacts import read_manifest
from bertline.drift.verdict import Drift
from bertline.evaluation.gate import Verdict
from bertline.evaluation.reporting.summary import summary_lines
from bertline.evaluation.results import Results
from bertline.tables.stages import STAGES
from pipelines.compose import cached_under, compose
from pipelines.conversion import listed
from pipelines.fingerprint import fingerprints
from pipelines.graph import upstream
from pipelines.local import Place, Runner, in_subprocesses, run_locally
from pipelines.recipe import Recipe


@dataclass(frozen=True)
class Result:
    """What a run left: the folders of the report and of the note on what was published.

    exported: the folder of the model's files, where that is on this disk.
    """

    report: Path
    published: Path
    exported: Path | None = None

    @property
    def is_blessed(self) -> bool:
        """Whether the model passed its gate."""
        return Verdict.read(self.report).blessed

    def lines(self) -> list[str]:
        """The results as text: a table of the files, the verdict, and where things lie."""
        verdict = Verdict.read(self.report)
        about = read_manifest(self.published, "published").about
        return [
            *summary_lines(Results.read(self.report), verdict),
            *self._publication(about, verdict),
            f"report: {self.report / 'report.html'}",
        ]

    def _publication(self, about: Mapping[str, Any], verdict: Verdict) -> Iterator[str]:
        """What became of the model; where it is not published, how to use it anyway."""
        version, latest = about.get("version"), about.get("latest")
        if about["path"]:
            in_use = f"; version {latest} is the latest" if latest not in (None, version) else ""
            yield f"published: {about['path']}{in_use}"
            return
        others = [reason for reason in about.get("reasons", []) if reason not in verdict.reasons]
        yield f"published: {': '.join(['nothing', *others])}"
        if self.exported is not None:
            yield f"model: {self.exported}"
            yield f'to use it anyway: bertline predict --model {self.exported} "TEXT"'


@dataclass(frozen=True)
class Retraining:
    """What a run of "retrain" left: the comparison of the data; a result if it was trained on."""

    drift: Path
    result: Result | None

    def lines(self) -> list[str]:
        """The verdict on the data, the results if there are any, and where things lie."""
        return [
            *Drift.read(self.drift).lines(),
            *(self.result.lines() if self.result else ["published: nothing"]),
            f"data: {self.drift / 'drift.html'}",
        ]


@dataclass(frozen=True)
class Conversion:
    """What a run of the pipeline "convert" left: the folder of the files."""

    exported: Path

    def lines(self) -> list[str]:
        """The files with their sizes, and where they lie."""
        return list(listed(self.exported))


def run(
    recipe: Recipe, root: Path, terminal: TextIO, in_containers: bool = False
) -> Result | Retraining | Conversion:
    """Runs the pipeline with the recipe's settings below `root`; progress goes to `terminal`.

    in_containers: each stage in a container of Docker or podman; see pipelines.containers.
    Everything is checked before the first stage starts. Stages that have run before with the same
    fingerprint are taken from the cache. Raises ConfigError, StorageError (also if another run
    holds `root`) or the failed stage's StageError. A model that is not blessed is a result.
    """
    recipe = recipe.at_home()
    settings = recipe.settings()
    place = Place(root.absolute())
    runner: Runner = in_subprocesses
    image_id = ""
    if in_containers:
        from pipelines.containers import connect, networked, outside

        runner = connect(outside(settings), networked(settings))
        image_id = runner.image_id
    with place.locked():
        facts = recipe.pipeline, recipe.name, recipe.description, settings
        keys = fingerprints(settings, upstream(compose(*facts)), image_id)
        line = compose(*facts, configure=cached_under(keys))
        if recipe.pipeline == "convert":
            converted = run_locally(line, {}, place, terminal, runner)
            return Conversion(Path(converted.pipeline["exported"].uri))
        arguments = {"work_root": str(place.work), "registry": str(place.registry)}
        outputs = run_locally(line, arguments, place, terminal, runner)

    def folder(stage: str, name: str) -> Path:
        return Path(outputs.stages[stage][name].uri)

    published_from = "evaluate" if recipe.pipeline == "train" else "compare_models"
    result = None
    if "publish" in outputs.stages:  # which is not reached where there is nothing to train on
        result = Result(
            folder(published_from, STAGES[published_from].output),
            folder("publish", "published"),
            folder("export", "exported"),
        )
    if recipe.pipeline == "train":
        assert result is not None, "a run without a failure publishes"
        return result
    return Retraining(folder("compare_data", "drift"), result)
