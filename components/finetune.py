"""Component `finetune`: an encoder and features in, a model out."""

from kfp import dsl

from components.image import component


@component
def finetune(
    settings: str,
    work_root: str,
    encoder: dsl.Input[dsl.Model],
    features: dsl.Input[dsl.Dataset],
    model: dsl.Output[dsl.Model],
) -> None:
    """Trains an encoder with a head on labelled features.

    Args:
        settings: JSON of bertline.stages.finetune.Settings.
        work_root: folder that outlives the attempt; training continues from checkpoints there.
        encoder: from import_checkpoint.
        features: from tokenize.
        model: folder with the weights, the configuration, the vocabulary and the history.
    """
    from bertline.stages.execute import execute

    execute(
        "finetune",
        settings,
        encoder=encoder.path,
        features=features.path,
        model=model.path,
        work=work_root,
    )
