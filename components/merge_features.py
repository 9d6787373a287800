"""Component `merge_features`: the shards of several tokenize tasks in, features out."""

from kfp import dsl

from components.image import component


@component
def merge_features(
    shards: dsl.Input[list[dsl.Dataset]],
    features: dsl.Output[dsl.Dataset],
) -> None:
    """Joins what the tasks of a loop over the shards have written.

    Args:
        shards: from tokenize, one for each shard.
        features: folder with the TFRecord shards of each split.
    """
    from bertline.stages.execute import execute

    execute("merge_features", "{}", shards=[each.path for each in shards], features=features.path)
