"""What an encoder and a model are, apart from their weights. No TensorFlow, no Keras."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from bertline.artifacts import Document
from bertline.config import Config
from bertline.features.spec import AnswerSpec, InputSpec
from bertline.modeling.quantization import QuantizationSpec

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class EncoderConfig(Config):
    """The shape of a BERT encoder; keys have the names of bert_config.json.

    hidden_act: "gelu" is the exact erf form (Hugging Face), "gelu_tanh" the tanh form of Google's
    TF1 code. do_lower_case belongs to the vocabulary the encoder was trained with.
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
    do_lower_case: bool = True

    @field_validator("num_attention_heads")
    @classmethod
    def _divides_the_hidden_size(cls, heads: int, info: ValidationInfo) -> int:
        hidden_size = info.data.get("hidden_size", heads)
        if hidden_size % heads:
            raise ValueError(f"does not divide hidden_size {hidden_size}; give the weights' config")
        return heads


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
