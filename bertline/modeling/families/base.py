"""What a family of encoders declares: its config, its weights, its sites, its checkpoints."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import Field

from bertline.errors import DataError
from bertline.features.spec import TokenizerSpec
from bertline.modeling.shapes import Shape
from bertline.modeling.site_table import SiteTable

ENCODER_FILE = "encoder.json"
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class EncoderConfig(TokenizerSpec):
    """What encoders of every family have: a shape, and the tokenizer of their vocabulary.

    Each family has a subclass with its other keys. family: its name in the table of families.
    has_pooler: whether the encoder has a pooled output beside its sequence output.
    """

    family: str
    vocab_size: Positive
    hidden_size: Positive
    num_hidden_layers: Positive
    num_attention_heads: Positive
    max_position_embeddings: Positive = 512
    type_vocab_size: Positive = 2
    hidden_dropout_prob: Fraction = 0.1
    attention_probs_dropout_prob: Fraction = 0.1
    initializer_range: Annotated[float, Field(gt=0)] = 0.02
    has_pooler: bool = True

    @classmethod
    def shared(cls, values: Mapping[str, Any], where: str) -> "EncoderConfig":
        """What `values` of any family's config say of the keys that all families have.

        For code that does not depend on the family. Raises ConfigError, naming the place `where`.
        """
        known = {key: value for key, value in values.items() if key in EncoderConfig.model_fields}
        return EncoderConfig.parse({"family": "", **known}, where)

    def check_pairs(self, where: str) -> None:
        """Raises DataError, naming the place `where` of a pair, if it reads single texts only."""
        if self.type_vocab_size < 2:
            raise DataError(
                f"{where} is a pair, but the encoder has one segment (type_vocab_size 1); give "
                "single texts or a model with two"
            )

    def with_tokenizer(self, spec: TokenizerSpec) -> Self:
        """The same encoder with the tokenizer `spec`."""
        return self.model_copy(update=dict(spec.tokenizer))


C = TypeVar("C", bound=EncoderConfig)


def _as_it_is(name: str) -> str:
    return name


@dataclass(frozen=True)
class CheckpointForm(Generic[C]):
    """How the checkpoints of one format describe and name the weights of a family.

    read_config: the values of the format's config file, and the place they come from for messages →
    the encoder's config, without its tokenizer. names: our path → their name, of all weights that
    such a checkpoint may have, heads included. is_transposed: whether they store the weight of a
    path of ours the other way round. present_name: a name in an older spelling → today's. copies:
    names of tensors that repeat another → that one; None where the values are no weights.
    write_config: the values of a config file, where such checkpoints are written too.
    """

    read_config: Callable[[Mapping[str, Any], str], C]
    names: Callable[[C], Mapping[str, str]]
    is_transposed: Callable[[str], bool]
    present_name: Callable[[str], str] = _as_it_is
    copies: Mapping[str, str | None] = field(default_factory=dict)
    write_config: Callable[[C], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Published:
    """A checkpoint that anyone can download. address: of its archive."""

    name: str
    address: str
    config: EncoderConfig
    num_parameters: int


@dataclass(frozen=True)
class Family(Generic[C]):
    """A family of encoders, as all other modules see it.

    name: that of Hugging Face's model_type. encoder: makes the Keras layer from a config, the sites
    (`bertline.modeling.sites.Sites`) and Keras' own arguments; imports Keras when called. The layer
    is named "encoder"; it takes input_ids, input_mask and segment_ids, int32 [batch, length], and
    gives a dict of "sequence" [batch, length, hidden], "hidden_states" (a list of such) and, where
    the config has a pooler, "pooled" [batch, hidden]. Its attribute `recompute` lets blocks be
    computed again for their gradients. Block i, a part of its own, is named layer_<i>.

    shapes: the shape of each of the encoder's weights by path. head_shapes: config and number of
    labels → head → those of its weights, of the heads that checkpoints come with. fitted: the
    config and the paths of the weights that a checkpoint has → the config without the parts whose
    weights are missing and may be. flops: floating-point operations of one text of so many tokens.
    sites: all that encoders of the family may have; lacking: patterns of those that one lacks.
    checkpoints: format, a module of bertline.modeling.checkpoints → how its files show the family.
    """

    name: str
    config: type[C]
    encoder: Callable[..., Any]
    shapes: Callable[[C], dict[str, Shape]]
    head_shapes: Callable[[C, int], dict[str, dict[str, Shape]]]
    fitted: Callable[[C, Collection[str]], C]
    flops: Callable[[C, int], int]
    sites: SiteTable
    lacking: Callable[[C], tuple[str, ...]]
    checkpoints: Mapping[str, CheckpointForm[C]] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
