"""evaluate: exported files and test examples → metrics, verdict, report."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from bertline.artifacts import digest, new_artifact, read_manifest
from bertline.config import Config
from bertline.evaluation.environment import describe_environment
from bertline.evaluation.gate import Gate, judge
from bertline.evaluation.material import Material
from bertline.evaluation.measure import Observation, file_result, observe
from bertline.evaluation.metrics import unmeasured
from bertline.evaluation.predictions import write_predictions
from bertline.evaluation.predictors import Predictor, open_predictor
from bertline.evaluation.reference import reference_facts, reference_model
from bertline.evaluation.reporting.folder import write_report
from bertline.evaluation.reporting.summary import summary_lines
from bertline.evaluation.results import REFERENCE, FileFacts, FileResult, ModelFacts, Results
from bertline.export.inspection import inspect
from bertline.export.instruction_sets import LIMITS, find_instruction_set
from bertline.export.listing import ExportedFile, Exports
from bertline.modeling.config import ModelSpec
from bertline.modeling.cost import parameter_count, prune_ratio
from bertline.modeling.families.lookup import family_of
from bertline.modeling.weights import load_weights
from bertline.tasks import get_task
from bertline.usage import Usage

Count = Annotated[int, Field(gt=0)]


class Settings(Config):
    """How much is run, and what is asked for.

    batch_size: of the runs and of the throughput. agreement_examples: training texts, none of them
    seen by calibration, on which each file is compared with the training model.
    bootstrap_samples: behind the intervals of drops. latency_examples, throughput_examples: test
    texts that are timed one by one, and in batches. instructions: what OpenVINO and TensorFlow
    are limited to, so that a file is judged as it is on another kind of processor; LiteRT obeys no
    limit. reference: the folder of a float model, on disk or at a gs:// address, to compare with in
    place of `model`, where that was trained with fake quantization from the start. gate: the
    thresholds; recipes give those of their task.
    """

    batch_size: Count = 32
    agreement_examples: Annotated[int, Field(ge=0)] = 2000
    bootstrap_samples: Count = 10_000
    latency_examples: Count = 200
    throughput_examples: Count = 1000
    instructions: Literal["AVX2"] | None = None
    reference: str | None = None
    gate: Gate = Gate()


def run(
    settings: Settings,
    *,
    model: Path,
    exported: Path,
    features: Path,
    examples: Path,
    report: Path,
) -> None:
    """Writes the artifact `report`: what was measured, the verdict, and the pages to read.

    metrics.json, verdict.json, report.html, model_card.md, predictions/<file>.jsonl. The manifest
    holds the digest of the exported folder and `blessed`. A model that fails the gate is a result;
    raised are DataError and CheckpointError for inputs that are damaged or do not belong together,
    ConfigError for thresholds of another task's metrics.
    """
    if settings.instructions is not None:
        # Read once in a process, when the first of the runtimes computes.
        os.environ[LIMITS[0]] = settings.instructions
    from bertline.evaluation.predictors.keras import KerasPredictor

    exports = Exports.read(exported)
    material = Material.gather(
        exported,
        features,
        examples,
        calibration_ids=exports.calibration.ids,
        agreement_examples=settings.agreement_examples,
        latency_examples=settings.latency_examples,
        throughput_examples=settings.throughput_examples,
    )
    settings.gate.check_task(material.judge)
    train, test = material.train, material.test
    about: dict[str, Any] = {"exported": digest(exported)}
    with new_artifact(report, "report", about) as folder:

        def evaluate(
            facts: FileFacts, predictor: Predictor, reference: Observation | None
        ) -> tuple[FileResult, Observation]:
            observed = observe(predictor, material, settings.batch_size)
            write_predictions(
                folder, facts.name, test.examples, test.items, observed.answers, observed.counts
            )
            samples = settings.bootstrap_samples
            return file_result(facts, observed, reference, material, samples), observed

        # One file after another, each closed before the next: runtimes would share processors.
        with reference_model(settings.reference, model) as compared_with:
            reference, reference_observed = evaluate(
                reference_facts(compared_with), KerasPredictor(compared_with, REFERENCE), None
            )
        files = [
            evaluate(
                facts_of(file, exported, material.spec.inputs.max_seq_length),
                open_predictor(exported, file.name),
                reference_observed,
            )[0]
            for file in exports.files
        ]
        task = get_task(material.spec.task)
        nothing = unmeasured(
            reference_observed.counts, material.judge.metrics, material.spec.labels
        )
        measured = Results(
            task=task.name,
            model=model_facts(material.spec, model),
            metrics=tuple(name for name in task.metrics if name not in nothing) or task.metrics,
            unmeasured=nothing,
            test_count=len(test.examples),
            leaked_count=int(material.leaked.sum()),
            baselines=material.judge.baselines(train.examples, test.examples),
            reference=reference,
            files=tuple(files),
            data=data_facts(examples, features),
            settings=settings.model_dump(),
            environment=describe_environment(),
            stages=Usage.behind([examples, features, model, exported])
            .followed_by("evaluate")
            .stages,
        )
        verdict = judge(settings.gate, measured)
        about["blessed"] = verdict.blessed
        write_report(folder, material.spec, model, measured, verdict)
    print("\n".join(summary_lines(measured, verdict)))


def model_facts(spec: ModelSpec, model: Path) -> ModelFacts:
    """What the model of a folder costs by its shape, at its longest input."""
    weights = load_weights(model / "weights.safetensors")
    length = spec.inputs.max_seq_length
    return ModelFacts(
        parameters=parameter_count(weights),
        flops=family_of(spec.encoder).flops(spec.encoder, length),
        length=length,
        prune_ratio=prune_ratio(weights),
    )


def facts_of(file: ExportedFile, exported: Path, length: int) -> FileFacts:
    """What exports.json tells of a file, and what walking it does, at `length` tokens."""
    known = FileFacts(
        name=file.name,
        runtime=file.runtime,
        precision=file.precision,
        size_bytes=file.size_bytes,
        instruction_set=find_instruction_set(file.runtime).name,
    )
    if file.runtime == "saved_model":
        return known
    found = inspect(exported / file.path, length)
    return known.model_copy(
        update={
            "float_tensor_bytes": found.float_tensor_bytes,
            "integer_mac_share": found.integer_mac_share,
        }
    )


def data_facts(examples: Path, features: Path) -> dict[str, Any]:
    """What the artifacts tell of the data, for the report."""
    ingested = read_manifest(examples, "examples").about
    tokenized = read_manifest(features, "features").about
    return {
        "examples": ingested["counts"],
        **ingested["report"],
        **tokenized["inputs"],
        "truncated": tokenized["truncated"],
    }
