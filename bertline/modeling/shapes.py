"""The names and shapes of weights, known from an encoder's config alone."""

from bertline.modeling.config import EncoderConfig

Shape = tuple[int, ...]


def encoder_shapes(config: EncoderConfig) -> dict[str, Shape]:
    """The shape of each weight by its path, as `bertline.modeling.encoder.Encoder` has them."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, Shape] = {
        "encoder/embeddings/words": (config.vocab_size, hidden),
        "encoder/embeddings/positions": (config.max_position_embeddings, hidden),
        "encoder/embeddings/segments": (config.type_vocab_size, hidden),
        **_norm("encoder/embeddings/norm", hidden),
    }
    for i in range(config.num_hidden_layers):
        block = f"encoder/layer_{i}"
        for name in ("query", "key", "value", "output"):
            shapes |= _dense(f"{block}/attention/{name}", hidden, hidden)
        shapes |= _norm(f"{block}/attention_norm", hidden)
        shapes |= _dense(f"{block}/intermediate", hidden, inner)
        shapes |= _dense(f"{block}/output", inner, hidden)
        shapes |= _norm(f"{block}/output_norm", hidden)
    return shapes | (_dense("encoder/pooler", hidden, hidden) if config.has_pooler else {})


def head_shapes(config: EncoderConfig, num_labels: int) -> dict[str, dict[str, Shape]]:
    """Head → the shape of each of its weights by path, of the heads that checkpoints come with.

    classifier and answer_span are those of `bertline.modeling.heads`. mlm predicts masked words: a
    dense layer with the encoder's activation, a layer normalization, then the table of the words
    and a bias. nsp tells from the pooled output whether the second text follows the first.
    """
    hidden = config.hidden_size
    return {
        "classifier": _dense("label_dense", hidden, num_labels),
        "answer_span": _dense("span_dense", hidden, 2),
        "mlm": {
            **_dense("mlm/dense", hidden, hidden),
            **_norm("mlm/norm", hidden),
            "mlm/bias": (config.vocab_size,),
        },
        "nsp": _dense("nsp", hidden, 2),
    }


def _norm(path: str, size: int) -> dict[str, Shape]:
    return {f"{path}/gamma": (size,), f"{path}/beta": (size,)}


def _dense(path: str, inputs: int, units: int) -> dict[str, Shape]:
    return {f"{path}/kernel": (inputs, units), f"{path}/bias": (units,)}
