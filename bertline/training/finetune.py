"""Fine-tuning: an encoder and labelled features in, a model out."""

from pathlib import Path

from bertline.features.batches import FeatureSet
from bertline.modeling.config import ModelSpec
from bertline.modeling.model import build_model
from bertline.modeling.weights import Tensors, assign, tensors_of
from bertline.training.checkpoints import History
from bertline.training.devices import all_devices, dtype_policy, make_reproducible
from bertline.training.fit import Trained, fit
from bertline.training.losses import OBJECTIVES
from bertline.training.settings import FitSettings


def finetune(
    spec: ModelSpec,
    start: Tensors,
    train: FeatureSet,
    dev: FeatureSet,
    settings: FitSettings,
    folder: Path,
) -> tuple[Tensors, History]:
    """The weights (float32, by path) and the history of a model trained on `train`.

    start: the weights it starts from, by path: the encoder's; if a head's are among them the head
    starts from these and not from random ones. folder: see `fit`. Raises CheckpointError if they do
    not fit `spec`.
    """
    make_reproducible(settings.seed)
    with all_devices():
        network = build_model(spec, dtype_policy(settings.precision))
        has_head = not all(path.startswith("encoder/") for path in start)
        part = network if has_head else network.get_layer("encoder")
        assign(part.trainable_variables, start, where="the weights to start from")
        history = fit(Trained(network, OBJECTIVES[spec.head]), train, dev, settings, folder)
        return tensors_of(network.trainable_variables), history
