"""The config of a BERT encoder."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator

from bertline.features.spec import TokenizerSpec
from bertline.modeling.families.base import EncoderConfig, Positive

POOLER = "encoder/pooler/"


class BertConfig(EncoderConfig):
    """The shape of a BERT encoder.

    Keys of the shape have the names of bert_config.json. hidden_act: "gelu" is the exact erf form
    (Hugging Face), "gelu_tanh" the tanh form of Google's TF1 code.
    """

    family: Literal["bert"] = "bert"
    intermediate_size: Positive
    hidden_act: Literal["gelu", "gelu_tanh", "relu"] = "gelu"
    layer_norm_eps: Annotated[float, Field(gt=0)] = 1e-12

    @classmethod
    def of_checkpoint(cls, values: Mapping[str, Any], where: str) -> Self:
        """The encoder that a bert_config.json or config.json describes; ignores other keys.

        Raises ConfigError, naming the place `where`, for an unsupported shape.
        """
        ours = TokenizerSpec.model_fields.keys() | {"family", "has_pooler"}
        of_shape = cls.model_fields.keys() - ours
        return cls.parse({key: values[key] for key in values if key in of_shape}, where)

    @field_validator("num_attention_heads")
    @classmethod
    def _divides_the_hidden_size(cls, heads: int, info: ValidationInfo) -> int:
        hidden_size = info.data.get("hidden_size", heads)
        if hidden_size % heads:
            raise ValueError(f"does not divide hidden_size {hidden_size}; give the weights' config")
        return heads


def fitted(config: BertConfig, paths: Collection[str]) -> BertConfig:
    """The config of a checkpoint with weights of these paths: with a pooler if it has any of it."""
    has_pooler = any(path.startswith(POOLER) for path in paths)
    return config.model_copy(update={"has_pooler": has_pooler})
