"""BERT as Keras 3 layers (Devlin et al. 2018, https://arxiv.org/abs/1810.04805).

Shape suffixes: B batch, L length in tokens, T = B · L, H hidden size, I intermediate size, N heads,
D = H / N.

The operations are chosen for what reads the exported graph. OpenVINO fuses layer normalization only
when the mean runs over axis=[-1] and the centred value is divided by a square root, GELU only with
these constants, attention only as softmax(q kᵀ · scale + mask) v. Dense layers see tokens as rows
of a matrix: on three axes TensorFlow adds shape arithmetic that splits LiteRT's XNNPACK graph.
"""

import math
from typing import Any

import keras
from keras import ops

from bertline.modeling.config import EncoderConfig

# Added to the attention scores of padding. e^-100 vanishes beside 1 in float32, as with the -10000
# of the original, and the range of the scores stays narrow enough for 8 bits.
MASKED_SCORE = -100.0


def gelu_erf(x: Any) -> Any:
    """GELU in its exact form, x Φ(x) (Hendrycks & Gimpel 2016)."""
    return x * 0.5 * (1.0 + ops.erf(x * 0.7071067811865475))


def gelu_tanh(x: Any) -> Any:
    """GELU in the tanh approximation of Google's TF1 code."""
    return x * 0.5 * (1.0 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


ACTIVATIONS = {"gelu": gelu_erf, "gelu_tanh": gelu_tanh, "relu": ops.relu}


def rows_of(table: Any, ids: Any) -> Any:
    """The rows `ids` of a 2-D `table`; ids are trusted to be in range.

    `ops.take` would wrap negative ids in TensorFlow, with four more operations in every graph.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(table, ids)
    return ops.take(table, ids, axis=0)


def first_rows(table: Any, count: Any) -> Any:
    """The first `count` rows of a 2-D `table`, which has at least as many."""
    if keras.backend.backend() == "tensorflow":
        return table[:count]
    # While the model is built the count is a symbol, which JAX cannot slice with.
    return ops.take(table, ops.arange(count), axis=0)


class LayerNorm(keras.layers.Layer):  # type: ignore[misc]
    """Normalization over the last axis with scale and shift, computed in float32."""

    def __init__(self, size: int, epsilon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.epsilon = size, epsilon

    def build(self, shape: Any) -> None:
        """Makes scale and shift, without autocast: they stay float32 in the computation."""

        def vector(name: str, initializer: str) -> Any:
            return self.add_weight((self.size,), initializer, autocast=False, name=name)

        self.gamma, self.beta = vector("gamma", "ones"), vector("beta", "zeros")

    def call(self, x: Any) -> Any:
        """The normalized `x`, in its shape."""
        x = ops.cast(x, "float32")
        centred = x - ops.mean(x, axis=[-1], keepdims=True)
        variance = ops.mean(ops.square(centred), axis=[-1], keepdims=True)
        normal = centred / ops.sqrt(variance + self.epsilon)
        return ops.cast(normal * self.gamma + self.beta, self.compute_dtype)


class Embeddings(keras.layers.Layer):  # type: ignore[misc]
    """Sum of word, position and segment embeddings, normalized: ids [B, L] → [B, L, H]."""

    def __init__(self, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
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
            initializer=keras.initializers.TruncatedNormal(stddev=self.config.initializer_range),
            autocast=False,
            name=name,
        )

    def call(self, input_ids: Any, segment_ids: Any, training: bool = False) -> Any:
        """The embeddings [B, L, H] of int ids [B, L]."""
        length = ops.shape(input_ids)[1]
        x = rows_of(self.words, input_ids) + rows_of(self.segments, segment_ids)
        x = x + first_rows(self.positions, length)
        return self.dropout(self.norm(x), training=training)


class SelfAttention(keras.layers.Layer):  # type: ignore[misc]
    """Multi-head self-attention with its output projection: [T, H] → [T, H].

    T is batch times length: all but the attention itself works token by token.
    """

    def __init__(self, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads

        def dense(name: str) -> keras.layers.Dense:
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

    def call(self, x_TH: Any, mask_B11L: Any, training: bool = False) -> Any:
        """The attended tokens; mask_B11L is added to the scores before the softmax."""
        batch, length = ops.shape(mask_B11L)[0], ops.shape(mask_B11L)[3]
        # One size may stay open: LiteRT files have batch 1 and any length, and -1 there keeps
        # their graph free of shape arithmetic.
        by_head = (batch, -1 if isinstance(batch, int) else length)

        def split(y_TH: Any) -> Any:
            y_BLND = ops.reshape(y_TH, (*by_head, self.num_heads, self.head_size))
            return ops.transpose(y_BLND, (0, 2, 1, 3))

        q_BNLD, k_BNLD, v_BNLD = (split(f(x_TH)) for f in (self.query, self.key, self.value))
        scores_BNLL = ops.matmul(q_BNLD, ops.transpose(k_BNLD, (0, 1, 3, 2)))
        scores_BNLL = scores_BNLL * (1.0 / math.sqrt(self.head_size)) + mask_B11L
        weights_BNLL = self.dropout(ops.softmax(scores_BNLL, axis=-1), training=training)
        context_BLND = ops.transpose(ops.matmul(weights_BNLL, v_BNLD), (0, 2, 1, 3))
        return self.output_dense(ops.reshape(context_BLND, (-1, self.num_heads * self.head_size)))


class EncoderLayer(keras.layers.Layer):  # type: ignore[misc]
    """Attention and feed-forward, each with residual sum and normalization after it."""

    def __init__(self, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy
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

    def call(self, x_TH: Any, mask_B11L: Any, training: bool = False) -> Any:
        """The block's output, in the shape of x_TH."""
        attended_TH = self.attention(x_TH, mask_B11L, training=training)
        x_TH = self.attention_norm(x_TH + self.dropout(attended_TH, training=training))
        inner_TI = self.activation(self.intermediate(x_TH))
        output_TH = self.dropout(self.output_dense(inner_TI), training=training)
        return self.output_norm(x_TH + output_TH)


class Encoder(keras.layers.Layer):  # type: ignore[misc]
    """The whole BERT encoder.

    call(input_ids, input_mask, segment_ids), each int32 [B, L], gives a dict:
    "sequence" [B, L, H], "pooled" [B, H] (tanh layer over the first token), and
    "hidden_states", the embedding output and the output of each layer, [B, L, H] each.
    """

    def __init__(self, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.embeddings = Embeddings(config, dtype=policy, name="embeddings")
        self.blocks = [
            EncoderLayer(config, dtype=policy, name=f"layer_{i}")
            for i in range(config.num_hidden_layers)
        ]
        self.pooler = dense_layer(config.hidden_size, config, policy, "pooler")
        self.hidden_size = config.hidden_size

    def build(self, *shapes: Any) -> None:
        """Makes all weights."""
        self.embeddings.build()
        for block in self.blocks:
            block.build((None, self.hidden_size))
        self.pooler.build((None, self.hidden_size))

    def call(
        self, input_ids: Any, input_mask: Any, segment_ids: Any, training: bool = False
    ) -> dict[str, Any]:
        """The encoder's outputs, see the class."""
        unseen = 1.0 - ops.cast(input_mask, self.compute_dtype)
        mask_B11L = (unseen * MASKED_SCORE)[:, None, None, :]
        x_BLH = self.embeddings(input_ids, segment_ids, training=training)
        shape = ops.shape(x_BLH)
        states = [x_BLH]
        x_TH = ops.reshape(x_BLH, (-1, self.hidden_size))
        for block in self.blocks:
            x_TH = block(x_TH, mask_B11L, training=training)
            states.append(ops.reshape(x_TH, shape))
        pooled_BH = ops.tanh(self.pooler(states[-1][:, 0]))
        return {"sequence": states[-1], "pooled": pooled_BH, "hidden_states": states}


def dense_layer(units: int, config: EncoderConfig, policy: Any, name: str) -> keras.layers.Dense:
    """A dense layer with BERT's truncated-normal initialization."""
    initializer = keras.initializers.TruncatedNormal(stddev=config.initializer_range)
    return keras.layers.Dense(units, kernel_initializer=initializer, dtype=policy, name=name)
