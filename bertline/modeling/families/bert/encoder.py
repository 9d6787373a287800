"""BERT as Keras 3 layers (Devlin et al. 2018, https://arxiv.org/abs/1810.04805).

Shape suffixes: B batch, L length in tokens, T = B · L, H hidden size, I intermediate size, N heads,
D = H / N.

The operations are chosen for what reads the exported graph. OpenVINO fuses layer normalization only
when the mean runs over axis=[-1] and the centred value is divided by a square root, GELU only with
these constants, attention only as softmax(q kᵀ · scale + mask) v. Dense layers see tokens as rows
of a matrix: on three axes TensorFlow adds shape arithmetic that splits LiteRT's XNNPACK graph.

At its sites (bertline.modeling.quantization) the encoder asks an object what is to be done there.
Where it is quantized, some results are computed in another way, of operations that LiteRT has
integer kernels for.
"""

import functools
import math
from typing import Any

import keras
from keras import ops

from bertline.modeling.families.bert.config import BertConfig
from bertline.modeling.layers import (
    ACTIVATIONS,
    Dense,
    LayerNorm,
    dense_layer,
    first_rows,
    rows_of,
    truncated_normal,
)
from bertline.modeling.quantization import MASKED_SCORE
from bertline.modeling.sites import FLOAT, At, Sites


class Embeddings(keras.layers.Layer):  # type: ignore[misc]
    """Sum of word, position and segment embeddings, normalized: ids [B, L] → [B, L, H]."""

    def __init__(self, config: BertConfig, sites: Sites = FLOAT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.sites = sites.part(self.name)
        self.norm = LayerNorm(
            config.hidden_size, config.layer_norm_eps, dtype=self.dtype_policy, name="norm"
        )
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob, dtype=self.dtype_policy)

    def build(self, *shapes: Any) -> None:
        """Makes the three tables."""
        self.words = self._table("words", self.config.vocab_size)
        self.positions = self._table("positions", self.config.max_position_embeddings)
        self.segments = self._table("segments", self.config.type_vocab_size)
        self.norm.build((None, None, self.config.hidden_size))

    def _table(self, name: str, rows: int) -> Any:
        # Without autocast: bfloat16 is for the few rows of a batch, not for the whole table.
        return self.add_weight(
            shape=(rows, self.config.hidden_size),
            initializer=truncated_normal(self.config),
            autocast=False,
            name=name,
        )

    def call(
        self, input_ids: Any, input_mask: Any, segment_ids: Any, training: bool = False
    ) -> Any:
        """The embeddings [B, L, H] of int ids [B, L]."""
        at = self.sites.open(input_mask, training)
        length = ops.shape(input_ids)[1]
        words = at("words", rows_of(self.words, input_ids))
        x = at("words_segments", words + at("segments", rows_of(self.segments, segment_ids)))
        x = at("sum", x + at("positions", first_rows(self.positions, length)))
        x = at("norm", self.norm(x, at=at.inside("norm")))
        self.sites.collect(at.seen)
        return self.dropout(x, training=training)


class SelfAttention(keras.layers.Layer):  # type: ignore[misc]
    """Multi-head self-attention with its output projection: [T, H] → [T, H].

    T is batch times length: all but the attention itself works token by token.
    """

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads

        def dense(name: str) -> Dense:
            return dense_layer(config.hidden_size, config, self.dtype_policy, name)

        self.query, self.key, self.value = dense("query"), dense("key"), dense("value")
        self.output_dense = dense("output")
        self.dropout = keras.layers.Dropout(
            config.attention_probs_dropout_prob, dtype=self.dtype_policy
        )

    def build(self, shape: Any) -> None:
        """Makes the four dense layers, each [H, H]."""
        for dense in (self.query, self.key, self.value, self.output_dense):
            dense.build(shape)

    def call(self, x_TH: Any, mask_B11L: Any, at: At = FLOAT, training: bool = False) -> Any:
        """The attended tokens; mask_B11L is added to the scores before the softmax."""
        batch, length = ops.shape(mask_B11L)[0], ops.shape(mask_B11L)[3]
        # One size may stay open: LiteRT files have batch 1 and any length, and -1 there keeps
        # their graph free of shape arithmetic.
        by_head = (batch, -1 if isinstance(batch, int) else length)

        def split(y_TH: Any) -> Any:
            y_BLND = ops.reshape(y_TH, (*by_head, self.num_heads, self.head_size))
            return ops.transpose(y_BLND, (0, 2, 1, 3))

        q_BNLD, k_BNLD, v_BNLD = (
            split(at(f.name, f(x_TH, at=at))) for f in (self.query, self.key, self.value)
        )
        scores_BNLL = at("scores", ops.matmul(q_BNLD, ops.transpose(k_BNLD, (0, 1, 3, 2))))
        scores_BNLL = at("scaled", scores_BNLL * (1.0 / math.sqrt(self.head_size)))
        weights_BNLL = at("softmax", ops.softmax(at("masked", scores_BNLL + mask_B11L), axis=-1))
        weights_BNLL = self.dropout(weights_BNLL, training=training)
        context_BLND = ops.transpose(ops.matmul(weights_BNLL, v_BNLD), (0, 2, 1, 3))
        context_TH = ops.reshape(context_BLND, (-1, self.num_heads * self.head_size))
        return at("attention_output", self.output_dense(at("context", context_TH), at=at))


class EncoderLayer(keras.layers.Layer):  # type: ignore[misc]
    """Attention and feed-forward, each with residual sum and normalization after it."""

    def __init__(self, config: BertConfig, sites: Sites = FLOAT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.sites = sites.part(self.name)
        self.attention = SelfAttention(config, dtype=policy, name="attention")
        self.attention_norm = LayerNorm(
            config.hidden_size, config.layer_norm_eps, dtype=policy, name="attention_norm"
        )
        self.activation = ACTIVATIONS[config.hidden_act]
        self.intermediate = dense_layer(config.intermediate_size, config, policy, "intermediate")
        self.output_dense = dense_layer(config.hidden_size, config, policy, "output")
        self.output_norm = LayerNorm(
            config.hidden_size, config.layer_norm_eps, dtype=policy, name="output_norm"
        )
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob, dtype=policy)

    def build(self, shape: Any) -> None:
        """Makes the weights of the parts."""
        self.attention.build(shape)
        self.intermediate.build(shape)
        self.output_dense.build((*shape[:-1], self.intermediate.units))
        self.attention_norm.build(shape)
        self.output_norm.build(shape)

    def call(
        self, x_TH: Any, mask_B11L: Any, input_mask: Any, training: bool = False
    ) -> tuple[Any, Any]:
        """The block's output, in the shape of x_TH, and what its sites saw."""
        at = self.sites.open(input_mask, training)
        attended_TH = self.attention(x_TH, mask_B11L, at=at, training=training)
        attended_TH = self.dropout(attended_TH, training=training)
        x_TH = at("attention_sum", at.skip("attention_sum", x_TH) + attended_TH)
        x_TH = at("attention_norm", self.attention_norm(x_TH, at=at.inside("attention_norm")))
        inner_TI = at("intermediate", self.intermediate(x_TH, at=at))
        inner_TI = at("activation", self.activation(inner_TI))
        output_TH = at("output", self.output_dense(inner_TI, at=at))
        output_TH = self.dropout(output_TH, training=training)
        x_TH = at("output_sum", at.skip("output_sum", x_TH) + output_TH)
        x_TH = at("output_norm", self.output_norm(x_TH, at=at.inside("output_norm")))
        return x_TH, at.seen


class Encoder(keras.layers.Layer):  # type: ignore[misc]
    """The whole BERT encoder.

    call(input_ids, input_mask, segment_ids), each int32 [B, L], gives a dict:
    "sequence" [B, L, H], "pooled" [B, H] (tanh layer over the first token; not there where the
    config has no pooler), and "hidden_states", the embedding output and the output of each layer,
    [B, L, H] each.

    recompute: set it to have layers computed again for their gradients while training, instead of
    remembered. That asks for a network without dropout: Keras draws other masks the second time.
    """

    def __init__(self, config: BertConfig, sites: Sites = FLOAT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.sites = sites.part(self.name)
        self.embeddings = Embeddings(config, sites, dtype=policy, name="embeddings")
        self.blocks = [
            EncoderLayer(config, sites, dtype=policy, name=f"layer_{i}")
            for i in range(config.num_hidden_layers)
        ]
        self.pooler: Any = None
        if config.has_pooler:
            self.pooler = dense_layer(config.hidden_size, config, policy, "pooler")
        self.hidden_size = config.hidden_size
        self.recompute = False

    def build(self, *shapes: Any) -> None:
        """Makes all weights."""
        self.embeddings.build()
        for block in self.blocks:
            block.build((None, self.hidden_size))
        if self.pooler is not None:
            self.pooler.build((None, self.hidden_size))

    def call(
        self, input_ids: Any, input_mask: Any, segment_ids: Any, training: bool = False
    ) -> dict[str, Any]:
        """The encoder's outputs, see the class."""
        at = self.sites.open(input_mask, training)
        mask_B11L = at("mask", self._mask(input_mask, at))[:, None, None, :]
        x_BLH = self.embeddings(input_ids, input_mask, segment_ids, training=training)
        shape = ops.shape(x_BLH)
        states = [x_BLH]
        x_TH = ops.reshape(x_BLH, (-1, self.hidden_size))
        for block in self.blocks:
            run = functools.partial(_run_block, block, input_mask, training)
            x_TH, seen = (keras.remat(run) if self.recompute and training else run)(x_TH, mask_B11L)
            block.sites.collect(seen)
            states.append(ops.reshape(x_TH, shape))
        outputs = {"sequence": states[-1], "hidden_states": states}
        if self.pooler is not None:
            pooled_BH = at("pooler", self.pooler(states[-1][:, 0], at=at))
            outputs["pooled"] = at("pooled", ops.tanh(pooled_BH))
        self.sites.collect(at.seen)
        return outputs

    def _mask(self, input_mask: Any, at: At) -> Any:
        """What is added to the scores of each token [B, L]: 0, or MASKED_SCORE for padding."""
        if at.quantizes("mask"):
            scores = ops.convert_to_tensor([[MASKED_SCORE], [0.0]], self.compute_dtype)
            return rows_of(scores, input_mask)[:, :, 0]
        return (1.0 - ops.cast(input_mask, self.compute_dtype)) * MASKED_SCORE


def _run_block(
    block: EncoderLayer, input_mask: Any, training: bool, x_TH: Any, mask_B11L: Any
) -> Any:
    return block(x_TH, mask_B11L, input_mask, training=training)
