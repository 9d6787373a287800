"""What encoders of every family are made of: activations, tables, dense layers, normalization."""

import math
from typing import Any

import keras
from keras import ops

from bertline.modeling.families.base import EncoderConfig
from bertline.modeling.sites import FLOAT, At, scale_and_shift


def gelu_erf(x: Any) -> Any:
    """GELU in its exact form, x Φ(x) (Hendrycks & Gimpel 2016)."""
    return x * 0.5 * (1.0 + ops.erf(x * 0.7071067811865475))


def gelu_tanh(x: Any) -> Any:
    """GELU in the tanh approximation of Google's TF1 code; LiteRT fuses it in these operations."""
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * ops.power(x, 3.0))
    return 0.5 * x * (1.0 + ops.tanh(inner))


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


class Dense(keras.layers.Dense):  # type: ignore[misc]
    """A dense layer whose kernel may be quantized."""

    def call(self, x: Any, at: At = FLOAT) -> Any:
        """X times kernel plus bias."""
        return ops.add(ops.matmul(x, at.kernel(self.kernel)), self.bias)


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

    def call(self, x: Any, at: At = FLOAT) -> Any:
        """The normalized `x`, in its shape."""
        x = ops.cast(x, "float32")
        if at.has_sites:
            x = at.in_integers(self._in_integers(x, at), lambda: self._in_floats(x))
        else:
            x = self._in_floats(x)
        return ops.cast(x, self.compute_dtype)

    def _in_integers(self, x: Any, at: At) -> Any:
        centred = at("centred", x - at("mean", ops.mean(x, axis=[-1], keepdims=True)))
        squared = at("squared", centred * centred)
        variance = at("variance", ops.mean(squared, axis=[-1], keepdims=True))
        inverse = at("inverse", ops.rsqrt(variance))
        normal = at("normal", centred * inverse)
        return at.scale_and_shift(normal, self.gamma, self.beta)

    def _in_floats(self, x: Any) -> Any:
        centred = x - ops.mean(x, axis=[-1], keepdims=True)
        variance = ops.mean(ops.square(centred), axis=[-1], keepdims=True)
        normal = centred / ops.sqrt(variance + self.epsilon)
        return scale_and_shift(normal, self.gamma, self.beta)


def dense_layer(units: int, config: EncoderConfig, policy: Any, name: str) -> Dense:
    """A dense layer with BERT's initialization."""
    initializer = truncated_normal(config)
    return Dense(units, kernel_initializer=initializer, dtype=policy, name=name)


def truncated_normal(config: EncoderConfig) -> keras.initializers.Initializer:
    """BERT's initialization of matrices."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)
