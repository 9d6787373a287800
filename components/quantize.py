"""Component `quantize`: a model and features in, a model that bears 8 bits out."""

from kfp import dsl

from components.image import component


@component
def quantize(
    settings: str,
    work_root: str,
    model: dsl.Input[dsl.Model],
    features: dsl.Input[dsl.Dataset],
    quantized: dsl.Output[dsl.Model],
) -> None:
    """Trains a model on with its values rounded to 8 bits, its float self as the teacher.

    Args:
        settings: JSON of bertline.stages.quantize.Settings.
        work_root: folder that outlives the attempt; training continues from checkpoints there.
        model: from finetune.
        features: from tokenize.
        quantized: folder of the model, with the ranges of its values.
    """
    from bertline.stages.execute import execute

    execute(
        "quantize",
        settings,
        model=model.path,
        features=features.path,
        quantized=quantized.path,
        work=work_root,
    )
