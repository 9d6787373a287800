"""Networks as they are trained: in the precision asked for, with the memory they may take."""

from typing import Any

import keras

from bertline.modeling.config import ModelSpec
from bertline.modeling.model import build_model
from bertline.modeling.sites import FLOAT, Sites
from bertline.training.devices import dtype_policy
from bertline.training.ranges import LOG_SCALE
from bertline.training.settings import FitSettings


def network_for(
    spec: ModelSpec, settings: FitSettings, sites: Sites = FLOAT, with_sequence: bool = False
) -> keras.Model:
    """A network with fresh weights; see `build_model` for sites and with_sequence."""
    if not settings.dropout:
        spec = _without_dropout(spec)
    network = build_model(spec, dtype_policy(settings.precision), sites, with_sequence)
    network.get_layer("encoder").recompute = settings.recompute
    return network


def weights_of(network: Any) -> list[Any]:
    """The trainable variables of a network, or of a layer, without those of its ranges."""
    return [variable for variable in network.trainable_variables if variable.name != LOG_SCALE]


def _without_dropout(spec: ModelSpec) -> ModelSpec:
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return spec.model_copy(update={"encoder": spec.encoder.model_copy(update=none)})
