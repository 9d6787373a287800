"""`bertline run`: a recipe, from its sources to a verdict or to files, on this machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bertline.artifacts import read_manifest
from bertline.drift.verdict import Drift
from bertline.evaluation.gate import Verdict
from bertline.evaluation.results import Results
from bertline.evaluation.summary import summary_lines
from pipelines.cache import outputs_of
from pipelines.compose import cached_under, compose
from pipelines.conversion import listed
from pipelines.fingerprint import fingerprints
from pipelines.graph import upstream
from pipelines.local import Place, Runner, in_subprocesses, run_locally
from pipelines.recipe import Recipe


@dataclass(frozen=True)
class Result:
    """What a run left: the folders of the report and of the note on what was published."""

    report: Path
    published: Path

    def lines(self) -> list[str]:
        """The results as text: a table of the files, the verdict, and where things lie."""
        verdict = Verdict.read(self.report)
        about = read_manifest(self.published, "published").about
        others = [reason for reason in about.get("reasons", []) if reason not in verdict.reasons]
        return [
            *summary_lines(Results.read(self.report), verdict),
            f"published: {about['path'] or ': '.join(['nothing', *others])}",
            f"report: {self.report / 'report.html'}",
        ]


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
            return Conversion(Path(run_locally(line, {}, place, terminal, runner)["exported"].uri))
        arguments = {"work_root": str(place.work), "registry": str(place.registry)}
        outputs = run_locally(line, arguments, place, terminal, runner)
        if recipe.pipeline == "train":
            return Result(Path(outputs["report"].uri), Path(outputs["published"].uri))
        result = None
        if outputs["action"] == "train":
            # A pipeline of kfp cannot return what a dsl.If without dsl.Else made.
            report = outputs_of("compare_models", line, place.cache)["compared"]
            published = outputs_of("publish", line, place.cache)["published"]
            result = Result(Path(report.uri), Path(published.uri))
    return Retraining(Path(outputs["drift"].uri), result)
