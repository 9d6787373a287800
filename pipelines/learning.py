"""The part that pipelines share which learn from examples: up to a report on the exported files."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from kfp import dsl

from components.evaluate import evaluate
from components.export import export
from components.finetune import finetune
from components.import_checkpoint import import_checkpoint
from components.merge_features import merge_features
from components.quantize import quantize
from components.tokenize import tokenize

Finish = Callable[..., None]
"""Called with tasks once they are made; see compose."""


class Learnt(NamedTuple):
    """What is learnt from examples: the model, its files, and the task that judged them."""

    model: Any
    exported: Any
    evaluated: Any


def learn(
    import_checkpoint_settings: str,
    tokenize_settings: str,
    finetune_settings: str,
    quantize_settings: str | None,
    export_settings: str,
    evaluate_settings: str,
    work_root: str,
    examples: Any,
    num_tasks: int,
    finish: Finish,
) -> Learnt:
    """The tasks from examples to a report; num_tasks: see tokenized.

    Without quantize_settings there is no task quantize; with it the files of the quantized model
    are held against the float one that it started from. This and tokenized are to be called where
    a pipeline is composed.
    """
    imported = import_checkpoint(settings=import_checkpoint_settings)
    encoder = imported.outputs["encoder"]
    features = tokenized(
        num_tasks, finish, settings=tokenize_settings, examples=examples, encoder=encoder
    )
    finetuned = finetune(
        settings=finetune_settings, work_root=work_root, encoder=encoder, features=features
    )
    model = trained = finetuned.outputs["model"]
    if quantize_settings is not None:
        quantized = quantize(
            settings=quantize_settings, work_root=work_root, model=model, features=features
        )
        trained = quantized.outputs["quantized"]
        finish(quantized)
    converted = export(
        settings=export_settings, model=trained, features=features, examples=examples
    )
    exported = converted.outputs["exported"]
    evaluated = evaluate(
        settings=evaluate_settings,
        model=model,
        exported=exported,
        features=features,
        examples=examples,
    )
    finish(imported, finetuned, converted, evaluated)
    return Learnt(model, exported, evaluated)


def tokenized(num_tasks: int, finish: Finish, **inputs: Any) -> Any:
    """The features that one tokenize task writes, or several that write a shard each.

    inputs: those of the component tokenize.
    """
    if num_tasks == 1:
        whole = tokenize(**inputs)
        finish(whole)
        return whole.outputs["features"]
    with dsl.ParallelFor(list(range(num_tasks))) as shard:
        part = tokenize(**inputs, shard=shard)
        finish(part)
    merged = merge_features(shards=dsl.Collected(part.outputs["features"]))
    finish(merged)
    return merged.outputs["features"]


def num_tokenize_tasks(settings: str) -> int:
    """How many tasks share tokenization: one a shard, unless Beam's runner has its own workers.

    settings: of tokenize, as JSON.
    """
    values = json.loads(settings)
    return values.get("num_shards", 1) if values.get("beam_runner", "fnapi") == "fnapi" else 1
