"""Fine-tuning: an encoder and labelled features in, a model out."""

from pathlib import Path

from bertline.features.batches import FeatureSet
from bertline.modeling.config import ModelSpec
from bertline.modeling.model import build_model
from bertline.modeling.weights import Tensors, assign, tensors_of
from bertline.training.checkpoints import History
from bertline.training.devices import dtype_policy, make_reproducible
from bertline.training.fit import Trained, fit
from bertline.training.losses import OBJECTIVES
from bertline.training.settings import FitSettings


def finetune(
    spec: ModelSpec,
    encoder: Tensors,
    train: FeatureSet,
    dev: FeatureSet,
    settings: FitSettings,
    folder: Path,
) -> tuple[Tensors, History]:
    """The weights (float32, by path) and the history of a model trained on `train`.

    encoder: the weights the encoder starts from; the head starts from random ones. folder: see
    `fit`. Raises CheckpointError if the encoder's weights do not fit its config.
    """
    make_reproducible(settings.seed)
    network = build_model(spec, dtype_policy(settings.precision))
    assign(network.get_layer("encoder").trainable_variables, encoder, where="the encoder")
    history = fit(Trained(network, OBJECTIVES[spec.head]), train, dev, settings, folder)
    return tensors_of(network.trainable_variables), history
