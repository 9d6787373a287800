"""The names and shapes of an encoder's weights, known from its config alone."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from bertline.errors import CheckpointError
from bertline.modeling.config import EncoderConfig


def encoder_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """The shape of each weight by its path, as `bertline.modeling.encoder.Encoder` has them."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "encoder/embeddings/words": (config.vocab_size, hidden),
        "encoder/embeddings/positions": (config.max_position_embeddings, hidden),
        "encoder/embeddings/segments": (config.type_vocab_size, hidden),
    }

    def norm(path: str) -> None:
        shapes[f"{path}/gamma"] = shapes[f"{path}/beta"] = (hidden,)

    def dense(path: str, inputs: int, units: int) -> None:
        shapes[f"{path}/kernel"] = (inputs, units)
        shapes[f"{path}/bias"] = (units,)

    norm("encoder/embeddings/norm")
    for i in range(config.num_hidden_layers):
        block = f"encoder/layer_{i}"
        for name in ("query", "key", "value", "output"):
            dense(f"{block}/attention/{name}", hidden, hidden)
        norm(f"{block}/attention_norm")
        dense(f"{block}/intermediate", hidden, inner)
        dense(f"{block}/output", inner, hidden)
        norm(f"{block}/output_norm")
    dense("encoder/pooler", hidden, hidden)
    return shapes


def check_shapes(weights: Mapping[str, NDArray[Any]], config: EncoderConfig, where: str) -> None:
    """Raises CheckpointError if a weight of the encoder is missing or has another shape.

    `where` names the weights in the message.
    """
    for path, shape in encoder_shapes(config).items():
        if path not in weights:
            raise CheckpointError(f"{where}: no weight {path!r}; is num_hidden_layers right?")
        if weights[path].shape != shape:
            raise CheckpointError(
                f"{where}: {path!r} has shape {list(weights[path].shape)}, the config asks for "
                f"{list(shape)}; use the config that belongs to the weights"
            )
