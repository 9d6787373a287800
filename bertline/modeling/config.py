"""What a model is, apart from its weights. No TensorFlow, no Keras."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, SerializeAsAny

from bertline.artifacts import Document
from bertline.config import Config, nearest
from bertline.errors import ConfigError
from bertline.features.spec import AnswerSpec, InputSpec
from bertline.modeling.families.base import EncoderConfig
from bertline.modeling.families.lookup import config_class, family_of
from bertline.modeling.quantization import HEAD_SITES, Site, matches

POOLED_HEADS = ("intent_slots", "classifier")
"""The heads that read the pooled output."""


class QuantizationSpec(Config):
    """How the network of a model is quantized: 8 bits, weights by output channel and symmetric.

    float_sites: patterns of the names of sites that stay float. Ranges lie with the weights.
    """

    float_sites: tuple[str, ...] = ()

    def sites(self, encoder: EncoderConfig, head: str) -> dict[str, Site]:
        """The sites that are quantized; raises ConfigError for a pattern that fits none."""
        sites = network_sites(encoder, head)
        for pattern in self.float_sites:
            if not any(matches(name, [pattern]) for name in sites):
                kinds = list(family_of(encoder).sites.block)
                raise ConfigError(f"float_sites: no site {pattern!r}; {nearest(pattern, kinds)}")
        return {n: site for n, site in sites.items() if not matches(n, self.float_sites)}


def network_sites(encoder: EncoderConfig, head: str) -> dict[str, Site]:
    """All sites of an encoder with a head by their full names: "<part>/<name>"."""
    family = family_of(encoder)
    lacking = family.lacking(encoder)
    named = family.sites.named(encoder.num_hidden_layers)
    of_encoder = {name: site for name, site in named.items() if not matches(name, lacking)}
    return of_encoder | {f"{part}/logits": site for part, site in HEAD_SITES[head].items()}


def _of_its_family(encoder: Any) -> Any:
    if not isinstance(encoder, Mapping):
        return encoder
    return config_class(encoder).model_validate_json(json.dumps(encoder))


class ModelSpec(Document):
    """An encoder with a head, as `model.json` of a model folder holds it.

    labels: for each output the names of its classes, in the order of the logits
    (intent_slots: "intents" and "tags", the tags being "O", "B-x", "I-x"; classifier: "classes").
    quantization: how it was trained to be quantized, if it was.
    """

    file_name: ClassVar[str] = "model.json"
    task: str
    head: str
    encoder: Annotated[SerializeAsAny[EncoderConfig], BeforeValidator(_of_its_family)]
    labels: dict[str, list[str]]
    inputs: InputSpec
    answering: AnswerSpec = AnswerSpec()
    quantization: QuantizationSpec | None = None
