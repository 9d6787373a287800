"""Fine-tuning: an encoder and labelled features in, a model out."""

from pathlib import Path

from bertline.features.batches import FeatureSet
from bertline.modeling.config import ModelSpec
from bertline.modeling.quantization import Ranges
from bertline.modeling.weights import Tensors, assign, tensors_of
from bertline.training.checkpoints import History
from bertline.training.devices import all_devices, make_reproducible
from bertline.training.fit import Trained, fit
from bertline.training.losses import OBJECTIVES
from bertline.training.networks import network_for, weights_of
from bertline.training.optimizers import remaining
from bertline.training.quantized import QuantizedTrained, calibrate, quantized_network
from bertline.training.settings import FitSettings, QuantizationSettings
from bertline.training.words import UsedWords

POOLER = "encoder/pooler/"


def finetune(
    spec: ModelSpec,
    start: Tensors,
    train: FeatureSet,
    dev: FeatureSet,
    settings: FitSettings,
    folder: Path,
    quantization: QuantizationSettings | None = None,
) -> tuple[Tensors, Ranges | None, History]:
    """The weights (float32, by path), the ranges and the history of a model trained on `train`.

    start: the weights it starts from, by path: the encoder's; if a head's are among them the head
    starts from these and not from random ones, and so does the pooler. folder: see `fit`.
    quantization: lets it join in; there are no ranges without it. Raises CheckpointError if the
    weights do not fit `spec`.
    """
    make_reproducible(settings.seed)
    used = UsedWords.of(spec, start, train, dev)
    spec, train, dev = used.spec(spec), used.features(train), used.features(dev)
    objective = OBJECTIVES[spec.head]
    with all_devices():
        network, sites = (
            (network_for(spec, settings), None)
            if quantization is None
            else quantized_network(spec, settings, quantization)
        )
        has_head = not all(path.startswith("encoder/") for path in start)
        part = network if has_head else network.get_layer("encoder")
        has_pooler = any(path.startswith(POOLER) for path in start)
        known = [each for each in weights_of(part) if has_pooler or POOLER not in each.path]
        assign(known, used.weights(start), where="the weights to start from")
        trained = Trained(network, objective)
        if sites is not None:
            trained = QuantizedTrained(network, objective, sites)
            calibrate(network, sites, train, objective, settings)
        history = fit(trained, train, dev, settings, folder)
        ranges = None if sites is None else sites.ranges()
        weights = used.all_weights(tensors_of(weights_of(network)), remaining(settings, len(train)))
        return weights, ranges, history
