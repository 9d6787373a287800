"""Component `tokenize`: examples and an encoder's vocabulary in, features out."""

from kfp import dsl

from components.image import component


@component
def tokenize(
    settings: str,
    examples: dsl.Input[dsl.Dataset],
    encoder: dsl.Input[dsl.Model],
    features: dsl.Output[dsl.Dataset],
    shard: int = -1,
) -> None:
    """Turns the texts of examples into token ids.

    Args:
        settings: JSON of bertline.stages.tokenize.Settings.
        examples: from ingest.
        encoder: from import_checkpoint; its vocabulary and casing are used.
        features: folder with the TFRecord shards of each split.
        shard: the only one to write, from 0, for merge_features; -1: all of them.
    """
    import json

    from bertline.stages.execute import execute

    if shard >= 0:
        settings = json.dumps({**json.loads(settings), "shard": shard})
    execute(
        "tokenize",
        settings,
        examples=examples.path,
        encoder=encoder.path,
        features=features.path,
    )
