"""select_sites: Model → a LiteRT file with int8 activations, without more training.

What stays float in it is found by measuring on dev examples; what was measured lies beside it.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bertline.artifacts import new_artifact, read_manifest, write_text
from bertline.config import Config, Seed
from bertline.evaluation.gate import Verdict
from bertline.export.listing import FORMATS, Calibration, Exports
from bertline.features.tokenizer import Tokenizer
from bertline.leftovers import temporary_folder
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.lookup import sites_of
from bertline.progress import Progress
from bertline.tasks import get_task

if TYPE_CHECKING:
    from bertline.evaluation.bench import Bench
    from bertline.evaluation.sensitivity import Outlier, Sensitivity
    from bertline.export.ranges import TensorRanges

FORM = "litert_int8_mixed"
PLOT = "sensitivity.svg"

Count = Annotated[int, Field(gt=0)]


class Settings(Config):
    """What may be lost, and how much is measured.

    max_drop: points that no metric of the task may lose on dev. examples: dev examples on which
    single sites are measured; trial_examples: on which whole settings are. calibration_examples:
    training examples that ranges are taken from; seed: of their choice. fold_outliers: where ranges
    are measured.
    """

    max_drop: Annotated[float, Field(ge=0, le=100)] = 0.5
    examples: Count = 200
    trial_examples: Count = 2000
    calibration_examples: Count = 300
    fold_outliers: bool = True
    seed: Seed = 1


def run(settings: Settings, *, model: Path, features: Path, examples: Path, exported: Path) -> None:
    """Writes the artifact `exported`: what export writes, with one file, and what was measured.

    The file is litert_int8_mixed with the smallest set of float sites that was found to be within
    max_drop; a model that was trained to be quantized gives it its ranges. sensitivity.json and
    sensitivity.svg tell what each site costs and what was tried; verdict.json whether a setting was
    good enough: if none was, the file is the one with all sites float. Raises what export raises.
    """
    from bertline.evaluation.outliers import tell_outliers
    from bertline.evaluation.reporting.plots import sensitivity_plot
    from bertline.export.calibration import chosen_rows, samples_of
    from bertline.export.exporter import Exporter
    from bertline.export.litert_int8 import write_int8
    from bertline.export.outliers import channel_peaks
    from bertline.export.ranges import find_ranges
    from bertline.export.source import open_source
    from bertline.features.records import read_features

    source = open_source(model)
    tokenizer = source.tokenizer()
    train = read_features(features, "train")
    rows = chosen_rows(len(train), settings.calibration_examples, settings.seed)
    samples = samples_of(source.graph, train, rows)
    about = {"model_weights_sha256": read_manifest(model, "model").about["weights_sha256"]}
    with (
        new_artifact(exported, "exported", about) as folder,
        temporary_folder() as scratch,
    ):
        fold = source.fold if settings.fold_outliers else None
        exporter = Exporter(source.graph, samples, scratch, fold=fold, sites=source.sites)
        float_file = exporter.export("litert_float32", scratch)
        path = exporter.int8_source
        trained = source.quantized.ranges if source.quantized else {}
        ranges = find_ranges(path, samples, trained, source.sites)
        bench = _bench(path, ranges, ModelSpec.read(model), tokenizer, examples, features, settings)
        (ids_input,) = (name for name, fed in source.graph.fed_by().items() if fed == "input_ids")
        peaks = channel_peaks(scratch / float_file.path, samples, source.sites)
        outliers = tell_outliers(peaks, samples, ids_input, tokenizer)
        found = _analysis(bench, outliers, settings)
        sites = found.float_sites
        write_int8(path, folder / FORMATS[FORM].path, ranges, sites, source.sites)
        file = float_file.model_copy(
            update={
                "name": FORM,
                "precision": FORMATS[FORM].precision,
                "path": FORMATS[FORM].path,
                "size_bytes": (folder / FORMATS[FORM].path).stat().st_size,
                "float_sites": sites,
            }
        )
        calibration = Calibration(count=len(rows), ids=tuple(train.ids[row] for row in rows))
        Exports(files=(file,), calibration=calibration).write(folder)
        for name in ("model.json", "vocab.txt"):
            shutil.copyfile(model / name, folder / name)
        found.write(folder)
        write_text(folder / PLOT, sensitivity_plot(found))
        blessed = found.chosen is not None
        reasons = () if blessed else (f"no setting is within {settings.max_drop:g} points on dev",)
        Verdict(blessed=blessed, reasons=reasons, files=()).write(folder)
    print("\n".join(found.lines()))


def _bench(
    path: Path,
    ranges: "TensorRanges",
    spec: ModelSpec,
    tokenizer: Tokenizer,
    examples: Path,
    features: Path,
    settings: Settings,
) -> "Bench":
    """What files are tried on: up to trial_examples of the dev split."""
    from bertline.evaluation.bench import Bench
    from bertline.evaluation.judges import judge_for
    from bertline.evaluation.material import Split, pick
    from bertline.evaluation.predictors.base import OUTPUTS
    from bertline.features.answers import Meanings

    task = get_task(spec.task)
    dev = Split.read(examples, features, "dev")
    ids = [example.id for example in dev.examples]
    return Bench(
        source=path,
        ranges=ranges,
        sites=sites_of(spec.encoder),
        scratch=path.with_name("tried.tflite"),
        split=dev.part(pick(ids, settings.trial_examples)),
        judge=judge_for(task),
        meanings=Meanings(tokenizer, spec.labels, spec.answering),
        metrics=task.metrics,
        outputs=OUTPUTS[spec.head],
    )


def _analysis(bench: "Bench", outliers: "list[Outlier]", settings: Settings) -> "Sensitivity":
    """Measures single sites on some examples, then settings on all of the bench's."""
    from bertline.evaluation.float_sites import measure_sites, select_float_sites
    from bertline.evaluation.material import pick
    from bertline.evaluation.sensitivity import Sensitivity

    ids = [example.id for example in bench.split.examples]
    few = pick(ids, settings.examples)
    with Progress("measure sites", None, "files") as progress:

        def told(note: str) -> None:
            progress.update(note=note)

        base, costs = measure_sites(bench.part(few), told)
        trials, chosen = select_float_sites(bench, costs, settings.max_drop, told)
    return Sensitivity(
        examples=len(few),
        trial_examples=len(ids),
        max_drop=settings.max_drop,
        reference=bench.reference,
        base=base,
        sites=tuple(costs),
        outliers=tuple(outliers),
        trials=tuple(trials),
        always_float=bench.sites.float_kinds,
        chosen=chosen,
    )
