"""A family with what BERT has not: two feed-forward networks a block, and NoNorm.

NoNorm scales and shifts, and computes no statistics (MobileBERT: Sun et al. 2020,
https://arxiv.org/abs/2004.02984). The pooled output is the first token's, without weights.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any, Literal

import keras
from keras import ops

from bertline.modeling.families.base import CheckpointForm, EncoderConfig, Family, Positive
from bertline.modeling.layers import Dense, dense_layer, first_rows, rows_of, truncated_normal
from bertline.modeling.quantization import MASKED_SCORE, SOFTMAX_RANGE, Shown, Site
from bertline.modeling.shapes import Shape, dense_shapes, norm_shapes
from bertline.modeling.site_table import SiteTable
from bertline.modeling.sites import FLOAT, At, Sites

NETWORKS = ("ffn_0_", "")
"""The feed-forward networks of a block, as the names of their layers begin."""
DENSE, PRODUCT = "FULLY_CONNECTED", "BATCH_MATMUL"


class ToyConfig(EncoderConfig):
    family: Literal["toy"] = "toy"
    intermediate_size: Positive


def _feed_forward(name: str, skip: str) -> dict[str, Site]:
    # LiteRT fuses ReLU into the dense layer: one operator, whose result is the activation.
    group = f"{name}intermediate"
    return {
        f"{name}intermediate": Site(group=group),
        f"{name}activation": Site(group=group, litert=Shown(DENSE, f"{name}intermediate")),
        f"{name}output": Site(has_outliers=True, litert=Shown(DENSE, f"{name}output")),
        f"{name}output_sum": Site(
            branch=f"{name}output", skip=skip, litert=Shown("ADD", after=(f"{name}output",))
        ),
        f"{name}output_norm": Site(litert=Shown(name=f"{name}output_norm")),
    }


SITES = SiteTable(
    outside={
        "encoder": {
            "mask": Site(
                axes="texts",
                fixed=(MASKED_SCORE, 0.0),
                group="mask",
                stays_float=True,
                litert=Shown(),
            )
        },
        "embeddings": {
            "words": Site(group="embeddings", litert=Shown("GATHER")),
            "positions": Site(axes="positions", group="embeddings"),
            "sum": Site(group="embeddings", litert=Shown(name=r"^(?!.*norm).*embeddings")),
            "norm": Site(litert=Shown(name="norm")),
        },
    },
    block={
        **{n: Site(group="projections", litert=Shown(DENSE, n)) for n in ("query", "key", "value")},
        "scores": Site(axes="pairs", stays_float=True, litert=Shown(PRODUCT)),
        "scaled": Site(axes="pairs", group="scores", stays_float=True, litert=Shown()),
        "masked": Site(axes="pairs", below=10.0, group="scores", stays_float=True),
        "softmax": Site(
            axes="pairs", fixed=SOFTMAX_RANGE, stays_float=True, litert=Shown("SOFTMAX")
        ),
        "context": Site(stays_float=True, litert=Shown(PRODUCT, after=("softmax",))),
        "attention_output": Site(litert=Shown(DENSE, "attention_output")),
        "attention_sum": Site(
            branch="attention_output",
            skip="output_norm",
            litert=Shown("ADD", after=("attention_output",)),
        ),
        "attention_norm": Site(litert=Shown(name="attention_norm")),
        **_feed_forward("ffn_0_", skip="attention_norm"),
        **_feed_forward("", skip="ffn_0_output_norm"),
    },
)


class NoNorm(keras.layers.Layer):  # type: ignore[misc]
    def build(self, shape: Any) -> None:
        self.gamma = self.add_weight((shape[-1],), "ones", name="gamma")
        self.beta = self.add_weight((shape[-1],), "zeros", name="beta")

    def call(self, x: Any, at: At = FLOAT) -> Any:
        return at.scale_and_shift(x, self.gamma, self.beta)


class Block(keras.layers.Layer):  # type: ignore[misc]
    def __init__(self, config: ToyConfig, sites: Sites, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config, self.sites = config, sites.part(self.name)
        hidden, inner = config.hidden_size, config.intermediate_size

        def dense(name: str, units: int) -> Dense:
            return dense_layer(units, config, self.dtype_policy, name)

        names = ("query", "key", "value", "attention_output")
        self.projections = {name: dense(name, hidden) for name in names}
        self.attention_norm = NoNorm(name="attention_norm")
        self.feed_forward = {
            name: (
                dense(f"{name}intermediate", inner),
                dense(f"{name}output", hidden),
                NoNorm(name=f"{name}output_norm"),
            )
            for name in NETWORKS
        }

    def build(self, shape: Any) -> None:
        inner = (None, self.config.intermediate_size)
        self.attention_norm.build(shape)
        for projection in self.projections.values():
            projection.build(shape)
        for intermediate, output, norm in self.feed_forward.values():
            intermediate.build(shape)
            output.build(inner)
            norm.build(shape)

    def call(self, x: Any, mask: Any, input_mask: Any, training: bool = False) -> Any:
        at = self.sites.open(input_mask, training)
        x = at("attention_sum", at.skip("attention_sum", x) + self._attention(x, mask, at))
        x = at("attention_norm", self.attention_norm(x, at=at.inside("attention_norm")))
        for name, (intermediate, output, norm) in self.feed_forward.items():
            inner = at(f"{name}intermediate", intermediate(x, at=at))
            inner = at(f"{name}activation", ops.relu(inner))
            y = at(f"{name}output", output(inner, at=at))
            x = at(f"{name}output_sum", at.skip(f"{name}output_sum", x) + y)
            x = at(f"{name}output_norm", norm(x, at=at.inside(f"{name}output_norm")))
        self.sites.collect(at.seen)
        return x

    def _attention(self, x: Any, mask: Any, at: At) -> Any:
        heads, length = self.config.num_attention_heads, ops.shape(mask)[3]
        size = self.config.hidden_size // heads
        split = (-1, length, heads, size)
        query, key, value = (
            ops.transpose(ops.reshape(at(n, self.projections[n](x, at=at)), split), (0, 2, 1, 3))
            for n in ("query", "key", "value")
        )
        scores = at("scores", ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))))
        scores = at("masked", at("scaled", scores * (1.0 / math.sqrt(size))) + mask)
        context = ops.matmul(at("softmax", ops.softmax(scores, axis=-1)), value)
        context = ops.reshape(ops.transpose(context, (0, 2, 1, 3)), (-1, heads * size))
        dense = self.projections["attention_output"]
        return at("attention_output", dense(at("context", context), at=at))


class Embeddings(keras.layers.Layer):  # type: ignore[misc]
    def __init__(self, config: ToyConfig, sites: Sites, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config, self.sites = config, sites.part(self.name)
        self.norm = NoNorm(name="norm")

    def build(self, *shapes: Any) -> None:
        initializer = truncated_normal(self.config)
        for name, rows in _tables(self.config).items():
            shape = (rows, self.config.hidden_size)
            setattr(self, name, self.add_weight(shape, initializer, name=name))
        self.norm.build((None, None, self.config.hidden_size))

    def call(self, input_ids: Any, input_mask: Any, training: bool = False) -> Any:
        at = self.sites.open(input_mask, training)
        words = at("words", rows_of(self.words, input_ids))
        positions = at("positions", first_rows(self.positions, ops.shape(input_ids)[1]))
        x = at("norm", self.norm(at("sum", words + positions), at=at.inside("norm")))
        self.sites.collect(at.seen)
        return x


class Encoder(keras.layers.Layer):  # type: ignore[misc]
    def __init__(self, config: ToyConfig, sites: Sites = FLOAT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_size, self.recompute = config.hidden_size, False
        self.sites = sites.part(self.name)
        self.embeddings = Embeddings(config, sites, name="embeddings")
        self.blocks = [
            Block(config, sites, name=f"layer_{i}") for i in range(config.num_hidden_layers)
        ]

    def build(self, *shapes: Any) -> None:
        self.embeddings.build()
        for block in self.blocks:
            block.build((None, self.hidden_size))

    def call(
        self, input_ids: Any, input_mask: Any, segment_ids: Any, training: bool = False
    ) -> dict[str, Any]:
        at = self.sites.open(input_mask, training)
        table = ops.convert_to_tensor([[MASKED_SCORE], [0.0]])
        mask = at("mask", rows_of(table, input_mask)[:, :, 0])
        states = [self.embeddings(input_ids, input_mask, training=training)]
        shape = ops.shape(states[0])
        x = ops.reshape(states[0], (-1, self.hidden_size))
        for block in self.blocks:
            x = block(x, mask[:, None, None, :], input_mask, training=training)
            states.append(ops.reshape(x, shape))
        self.sites.collect(at.seen)
        return {"sequence": states[-1], "pooled": states[-1][:, 0], "hidden_states": states}


def _tables(config: ToyConfig) -> dict[str, int]:
    return {"words": config.vocab_size, "positions": config.max_position_embeddings}


def _shapes(config: ToyConfig) -> dict[str, Shape]:
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes: dict[str, Shape] = {
        f"encoder/embeddings/{name}": (rows, hidden) for name, rows in _tables(config).items()
    }
    shapes |= norm_shapes("encoder/embeddings/norm", hidden)
    for i in range(config.num_hidden_layers):
        block = f"encoder/layer_{i}"
        for name in ("query", "key", "value", "attention_output"):
            shapes |= dense_shapes(f"{block}/{name}", hidden, hidden)
        shapes |= norm_shapes(f"{block}/attention_norm", hidden)
        for name in NETWORKS:
            shapes |= dense_shapes(f"{block}/{name}intermediate", hidden, inner)
            shapes |= dense_shapes(f"{block}/{name}output", inner, hidden)
            shapes |= norm_shapes(f"{block}/{name}output_norm", hidden)
    return shapes


def _head_shapes(config: ToyConfig, num_labels: int) -> dict[str, dict[str, Shape]]:
    return {"classifier": dense_shapes("label_dense", config.hidden_size, num_labels)}


def _names(config: ToyConfig) -> dict[str, str]:
    paths = [*_shapes(config), *_head_shapes(config, 0)["classifier"]]
    return {path: path.replace("/", ".") for path in paths}


def _read_config(values: Mapping[str, Any], where: str) -> ToyConfig:
    known = ToyConfig.model_fields.keys() & values.keys()
    return ToyConfig.parse({key: values[key] for key in known}, where)


def _write_config(config: ToyConfig) -> dict[str, Any]:
    return {"model_type": "toy", **config.model_dump(exclude={"family", "added_tokens"})}


def _is_transposed(path: str) -> bool:
    return False


def _fitted(config: ToyConfig, paths: Collection[str]) -> ToyConfig:
    return config


def _flops(config: ToyConfig, length: int) -> int:
    hidden, inner = config.hidden_size, config.intermediate_size
    products = 4 * hidden * hidden + 4 * hidden * inner + 2 * length * hidden
    return 2 * config.num_hidden_layers * length * products


def _lacking(config: ToyConfig) -> tuple[str, ...]:
    return ()


FAMILY = Family(
    name="toy",
    config=ToyConfig,
    encoder=Encoder,
    shapes=_shapes,
    head_shapes=_head_shapes,
    fitted=_fitted,
    flops=_flops,
    sites=SITES,
    lacking=_lacking,
    checkpoints={
        "huggingface": CheckpointForm(
            read_config=_read_config,
            names=_names,
            is_transposed=_is_transposed,
            write_config=_write_config,
        )
    },
)
