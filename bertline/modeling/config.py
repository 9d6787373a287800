"""What an encoder and a model are, apart from their weights. No TensorFlow, no Keras."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator

from bertline.artifacts import Document
from bertline.errors import DataError
from bertline.features.spec import AnswerSpec, InputSpec, TokenizerSpec
from bertline.modeling.quantization import QuantizationSpec

POOLED_HEADS = ("intent_slots", "classifier")
"""The heads that read the pooled output."""
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class EncoderConfig(TokenizerSpec):
    """The shape of a BERT encoder, and the tokenizer of the vocabulary it was trained with.

    Keys of the shape have the names of bert_config.json. hidden_act: "gelu" is the exact erf form
    (Hugging Face), "gelu_tanh" the tanh form of Google's TF1 code. has_pooler: whether the encoder
    has a pooled output beside its sequence output.
    """

    vocab_size: Positive
    hidden_size: Positive
    num_hidden_layers: Positive
    num_attention_heads: Positive
    intermediate_size: Positive
    max_position_embeddings: Positive = 512
    type_vocab_size: Positive = 2
    hidden_act: Literal["gelu", "gelu_tanh", "relu"] = "gelu"
    layer_norm_eps: Annotated[float, Field(gt=0)] = 1e-12
    hidden_dropout_prob: Fraction = 0.1
    attention_probs_dropout_prob: Fraction = 0.1
    initializer_range: Annotated[float, Field(gt=0)] = 0.02
    has_pooler: bool = True

    @classmethod
    def of_checkpoint(cls, values: Mapping[str, Any], where: str) -> Self:
        """The encoder that a bert_config.json or config.json describes; ignores other keys.

        Raises ConfigError, naming the place `where`, for an unsupported shape.
        """
        of_shape = cls.model_fields.keys() - TokenizerSpec.model_fields.keys() - {"has_pooler"}
        return cls.parse({key: values[key] for key in values if key in of_shape}, where)

    def with_tokenizer(self, spec: TokenizerSpec) -> Self:
        """The same encoder with the tokenizer `spec`."""
        return self.model_copy(update=dict(spec.tokenizer))

    @field_validator("num_attention_heads")
    @classmethod
    def _divides_the_hidden_size(cls, heads: int, info: ValidationInfo) -> int:
        hidden_size = info.data.get("hidden_size", heads)
        if hidden_size % heads:
            raise ValueError(f"does not divide hidden_size {hidden_size}; give the weights' config")
        return heads


def check_pairs(encoder: EncoderConfig, where: str) -> None:
    """Raises DataError, naming the place `where` of a pair, if the encoder reads single texts."""
    if encoder.type_vocab_size < 2:
        raise DataError(
            f"{where} is a pair, but the encoder has one segment (type_vocab_size 1); give single "
            "texts or a model with two"
        )


class ModelSpec(Document):
    """An encoder with a head, as `model.json` of a model folder holds it.

    labels: for each output the names of its classes, in the order of the logits
    (intent_slots: "intents" and "tags", the tags being "O", "B-x", "I-x"; classifier: "classes").
    quantization: how it was trained to be quantized, if it was.
    """

    file_name: ClassVar[str] = "model.json"
    task: str
    head: str
    encoder: EncoderConfig
    labels: dict[str, list[str]]
    inputs: InputSpec
    answering: AnswerSpec = AnswerSpec()
    quantization: QuantizationSpec | None = None
