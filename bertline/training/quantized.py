"""Quantization that joins in training: the network, its first ranges, its steps."""

from typing import Any

import keras

from bertline.features.batches import FeatureSet
from bertline.modeling.config import ModelSpec
from bertline.progress import Progress
from bertline.training.batches import TrainingBatches
from bertline.training.fit import Trained
from bertline.training.losses import Objective
from bertline.training.networks import network_for
from bertline.training.ranges import FoundSites
from bertline.training.settings import FitSettings, QuantizationSettings


class QuantizedTrained(Trained):
    """A quantized network with what it is trained on."""

    def __init__(self, network: keras.Model, objective: Objective, sites: FoundSites) -> None:
        super().__init__(network, objective)
        self.sites = sites
        self.step = sites.step  # A variable of the model, so that checkpoints have it.

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The objective's loss; a step is counted."""
        if training:
            self.sites.advance()
        return super().compute_loss(x, y, y_pred, sample_weight, training)


def quantized_network(
    spec: ModelSpec,
    settings: FitSettings,
    quantization: QuantizationSettings,
    with_sequence: bool = False,
) -> tuple[keras.Model, FoundSites]:
    """A network with fresh weights whose sites find their ranges, and these sites."""
    places = quantization.sites(spec.encoder, spec.head)
    rate = quantization.range_learning_rate / settings.learning_rate
    sites = FoundSites(places, quantization, rate)
    return network_for(spec, settings, sites, with_sequence), sites


def calibrate(
    network: keras.Model,
    sites: FoundSites,
    train: FeatureSet,
    objective: Objective,
    settings: FitSettings,
) -> None:
    """Takes first ranges from training batches; with `quant_delay` training itself does that."""
    if sites.settings.quant_delay:
        return
    count = sites.settings.calibration_batches
    batches = TrainingBatches(train, objective, settings.batch_size, count, settings.seed)
    sites.calibrating = True
    with Progress("calibrate", count, "batches") as progress:
        for number in range(count):
            network(batches[number][0], training=False)
            sites.advance()
            progress.update()
    sites.calibrating = False
