"""Quantization-aware training of a model that is trained already, its float self the teacher."""

from pathlib import Path
from typing import Any

import keras
from keras import ops

from bertline.features.batches import FeatureSet
from bertline.modeling.config import ModelSpec
from bertline.modeling.quantization import Ranges
from bertline.modeling.weights import Tensors, assign, tensors_of
from bertline.training.checkpoints import History
from bertline.training.devices import all_devices, make_reproducible
from bertline.training.fit import fit
from bertline.training.losses import OBJECTIVES, Objective, divergence, mean_square
from bertline.training.networks import network_for, weights_of
from bertline.training.optimizers import remaining
from bertline.training.quantized import QuantizedTrained, calibrate, quantized_network
from bertline.training.ranges import FoundSites
from bertline.training.settings import FitSettings, QuantizationSettings, TeacherWeights
from bertline.training.words import UsedWords


class Distilled(QuantizedTrained):
    """A quantized network with the float network whose outputs it is to keep.

    Both give "sequence", the last layer, beside their outputs. The loss is the sum of the labels'
    loss, the divergence of each output and the mean square difference of "sequence", weighted.
    """

    def __init__(
        self,
        network: keras.Model,
        objective: Objective,
        sites: FoundSites,
        teacher: keras.Model,
        losses: TeacherWeights,
    ) -> None:
        super().__init__(network, objective, sites)
        teacher.trainable = False
        self.teacher, self.weights_of_losses = teacher, losses

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The weighted sum of the losses, see the class."""
        labels = super().compute_loss(x, y, y_pred, sample_weight, training)
        taught = {n: ops.stop_gradient(v) for n, v in self.teacher(x, training=False).items()}
        mask, weights = x["input_mask"], self.weights_of_losses
        by_token = self.objective.chooses_token
        outputs = sum(
            divergence(taught[name], y_pred[name], mask, by_token)
            for name in self.objective.classes
        )
        hidden = mean_square(taught["sequence"], y_pred["sequence"], mask)
        return weights.labels * labels + weights.outputs * outputs + weights.hidden * hidden


def quantize(
    spec: ModelSpec,
    start: Tensors,
    train: FeatureSet,
    dev: FeatureSet,
    settings: FitSettings,
    quantization: QuantizationSettings,
    losses: TeacherWeights,
    folder: Path,
) -> tuple[Tensors, Ranges, History]:
    """The weights (float32, by path), the ranges and the history of a quantized network.

    start: the weights of the float model, which is the teacher too. folder: see `fit`. Raises
    CheckpointError if the weights do not fit `spec`.
    """
    make_reproducible(settings.seed)
    used = UsedWords.of(spec, start, train, dev)
    spec, train, dev = used.spec(spec), used.features(train), used.features(dev)
    objective = OBJECTIVES[spec.head]
    with all_devices():
        network, sites = quantized_network(spec, settings, quantization, with_sequence=True)
        teacher = network_for(spec, settings, with_sequence=True)
        for each in (network, teacher):
            assign(weights_of(each), used.weights(start), where="the weights to start from")
        calibrate(network, sites, train, objective, settings)
        distilled = Distilled(network, objective, sites, teacher, losses)
        history = fit(distilled, train, dev, settings, folder)
        weights = used.all_weights(tensors_of(weights_of(network)), remaining(settings, len(train)))
        return weights, sites.ranges(), history
