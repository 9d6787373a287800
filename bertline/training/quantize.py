"""Quantization-aware training: a model and its features in, a model that bears 8 bits out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from keras import ops

from bertline.features.batches import FeatureSet
from bertline.modeling.config import ModelSpec
from bertline.modeling.model import build_model
from bertline.modeling.quantization import Ranges
from bertline.modeling.sites import FLOAT, Sites
from bertline.modeling.weights import Tensors, assign, tensors_of
from bertline.progress import Progress
from bertline.training.batches import TrainingBatches
from bertline.training.checkpoints import History
from bertline.training.devices import dtype_policy, make_reproducible
from bertline.training.fit import Trained, fit
from bertline.training.losses import OBJECTIVES, Objective, divergence, mean_square
from bertline.training.ranges import LOG_SCALE, FoundSites
from bertline.training.settings import FitSettings, QuantizationSettings, TeacherWeights

HIDDEN = "sequence"
"""What is compared with the teacher beside its outputs: the encoder's last layer."""


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
        """The objective's loss; the step is counted."""
        if training:
            self.sites.advance()
        return super().compute_loss(x, y, y_pred, sample_weight, training)


class Distilled(QuantizedTrained):
    """A quantized network with the float network whose outputs it is to keep.

    Both give HIDDEN beside their outputs. The loss has the label's loss, the divergence of each
    output and the mean square difference of HIDDEN, with `weights`.
    """

    def __init__(
        self,
        network: keras.Model,
        objective: Objective,
        sites: FoundSites,
        teacher: keras.Model,
        weights: TeacherWeights,
    ) -> None:
        super().__init__(network, objective, sites)
        teacher.trainable = False
        self.teacher, self.weights_of_losses = teacher, weights

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
        outputs = sum(
            divergence(taught[name], y_pred[name], mask) for name in self.objective.classes
        )
        hidden = mean_square(taught[HIDDEN], y_pred[HIDDEN], mask)
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

    start: the weights of the float model, which is the teacher too. No dropout is in either.
    folder: see `fit`. Raises CheckpointError if the weights do not fit `spec`.
    """
    make_reproducible(settings.seed)
    spec = without_dropout(spec)
    network, sites = quantized_network(spec, settings, quantization)
    teacher = build_model(spec, dtype_policy(settings.precision))
    for each in (network, teacher):
        assign(weights_of(each), start, where="the weights to start from")
    objective = OBJECTIVES[spec.head]
    calibrate(network, sites, train, objective, settings)
    model = Distilled(
        _with_hidden(network), objective, sites, teacher=_with_hidden(teacher), weights=losses
    )
    history = fit(model, train, dev, settings, folder)
    return tensors_of(weights_of(network)), sites.ranges(), history


def quantized_network(
    spec: ModelSpec, settings: FitSettings, quantization: QuantizationSettings
) -> tuple[keras.Model, FoundSites]:
    """A network with fresh weights whose sites find their ranges, and these sites."""
    places = quantization.sites(spec.encoder.num_hidden_layers, spec.head)
    rate = quantization.range_learning_rate / settings.learning_rate
    sites = FoundSites(places, quantization, rate)
    return network_for(spec, settings, sites), sites


def network_for(spec: ModelSpec, settings: FitSettings, sites: Sites = FLOAT) -> keras.Model:
    """A network to train: in the precision asked for, its layers recomputed if asked for."""
    layers = [f"layer_{i}" for i in range(spec.encoder.num_hidden_layers)]
    mode = "list_of_layers" if settings.recompute else None
    with keras.RematScope(mode=mode, layer_names=layers):
        return build_model(spec, dtype_policy(settings.precision), sites)


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
        for i in range(count):
            network(batches[i][0], training=False)
            sites.advance()
            progress.update()
    sites.calibrating = False


def weights_of(network: keras.Model) -> list[Any]:
    """The trainable variables of a network without those of its ranges."""
    return [v for v in network.trainable_variables if v.name != LOG_SCALE]


def without_dropout(spec: ModelSpec) -> ModelSpec:
    """The same network without dropout."""
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return spec.model_copy(update={"encoder": spec.encoder.model_copy(update=none)})


def _with_hidden(network: keras.Model) -> keras.Model:
    encoder = network.get_layer("encoder")
    outputs: Mapping[str, Any] = {**network.output, HIDDEN: encoder.output[HIDDEN]}
    return keras.Model(network.input, outputs)
