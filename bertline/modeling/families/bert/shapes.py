"""What is known of a BERT encoder's weights and cost from its config alone."""

from bertline.modeling.families.bert.config import BertConfig
from bertline.modeling.shapes import Shape, dense_shapes, norm_shapes


def encoder_shapes(config: BertConfig) -> dict[str, Shape]:
    """The shape of each weight by its path, as this family's `Encoder` has them."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, Shape] = {
        "encoder/embeddings/words": (config.vocab_size, hidden),
        "encoder/embeddings/positions": (config.max_position_embeddings, hidden),
        "encoder/embeddings/segments": (config.type_vocab_size, hidden),
        **norm_shapes("encoder/embeddings/norm", hidden),
    }
    for i in range(config.num_hidden_layers):
        block = f"encoder/layer_{i}"
        for name in ("query", "key", "value", "output"):
            shapes |= dense_shapes(f"{block}/attention/{name}", hidden, hidden)
        shapes |= norm_shapes(f"{block}/attention_norm", hidden)
        shapes |= dense_shapes(f"{block}/intermediate", hidden, inner)
        shapes |= dense_shapes(f"{block}/output", inner, hidden)
        shapes |= norm_shapes(f"{block}/output_norm", hidden)
    return shapes | (dense_shapes("encoder/pooler", hidden, hidden) if config.has_pooler else {})


def head_shapes(config: BertConfig, num_labels: int) -> dict[str, dict[str, Shape]]:
    """Head → the shape of each of its weights by path, of the heads that checkpoints come with.

    classifier and answer_span are those of `bertline.modeling.heads`. mlm predicts masked words: a
    dense layer with the encoder's activation, a layer normalization, then the table of the words
    and a bias. nsp tells from the pooled output whether the second text follows the first.
    """
    hidden = config.hidden_size
    return {
        "classifier": dense_shapes("label_dense", hidden, num_labels),
        "answer_span": dense_shapes("span_dense", hidden, 2),
        "mlm": {
            **dense_shapes("mlm/dense", hidden, hidden),
            **norm_shapes("mlm/norm", hidden),
            "mlm/bias": (config.vocab_size,),
        },
        "nsp": dense_shapes("nsp", hidden, 2),
    }


def encoder_flops(config: BertConfig, length: int) -> int:
    """Floating-point operations of one text of `length` tokens through the encoder's layers.

    Of matrix products alone, a multiply-accumulate counted as two operations: with T tokens, H
    hidden and I intermediate units a layer has 4·T·H² (query, key, value, output), 2·T·H·I (feed
    forward) and 2·T²·H (scores and their weighted sum) of them. BERT-tiny (2 layers, H 128) at 384
    tokens: 453 million.
    """
    hidden, inner = config.hidden_size, config.intermediate_size
    products = 4 * hidden * hidden + 2 * hidden * inner + 2 * length * hidden
    return 2 * config.num_hidden_layers * length * products
