"""What can be exported without training: model folders, encoder artifacts, foreign graphs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras

from bertline.config import Config
from bertline.errors import CheckpointError, ConfigError
from bertline.export.calibration import fixed_length
from bertline.export.exporter import Fold
from bertline.export.folding import folded_graph
from bertline.export.graph import Graph, graph_of_network, is_foreign_graph, read_graph
from bertline.export.quantized import QuantizedModel
from bertline.export.text_input import TextInput, extension
from bertline.features.spec import InputSpec, TokenizerSpec
from bertline.features.tokenizer import Tokenizer, read_vocab
from bertline.modeling.checkpoints.heads import HeadSpec
from bertline.modeling.checkpoints.tokenizer_files import looks_lower_cased
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.base import ENCODER_FILE, EncoderConfig
from bertline.modeling.families.lookup import read_encoder, sites_of
from bertline.modeling.folder import read_ranges
from bertline.modeling.model import build_encoder, build_model
from bertline.modeling.site_table import SiteTable
from bertline.modeling.weights import Tensors, assign, load_weights

WEIGHTS, HEAD = "weights.safetensors", "head.safetensors"
# Of a foreign graph its number of positions is not known; this is what BERTs have.
FOREIGN_MAX_SEQ_LENGTH = 512
_PRE_TRAINING = {"mlm": "the head that predicts masked words", "nsp": "the head of next sentences"}
"""Heads that answer nothing, in words."""


@dataclass(frozen=True)
class Source:
    """Something to convert.

    weights: the file that its identity is taken from. description: file name → what the folder of
    the converted model describes it. vocab_file, tokenizer_spec: its tokenizer's, if that is known.
    max_seq_length: the longest input in tokens. quantized: what it is in integers, if it was
    trained for them; fold: gives its graph with outliers folded, if it is a network that was not.
    left_out: what the checkpoint has and the graph has not, in words.
    """

    graph: Graph
    weights: Path
    description: dict[str, Config]
    vocab_file: Path | None
    tokenizer_spec: TokenizerSpec
    max_seq_length: int
    quantized: QuantizedModel | None = None
    fold: Fold | None = None
    left_out: tuple[str, ...] = ()

    @property
    def encoder(self) -> EncoderConfig | None:
        """The encoder in it, None in a foreign graph."""
        for told in self.description.values():
            if isinstance(told, ModelSpec):
                return told.encoder
            if isinstance(told, EncoderConfig):
                return told
        return None

    @property
    def sites(self) -> SiteTable:
        """The sites of its encoder's family; of a foreign graph, those of the default one."""
        return sites_of(self.encoder)

    def tokenizer(self) -> Tokenizer:
        """Its tokenizer; raises ConfigError where there is no vocabulary."""
        if self.vocab_file is None:
            raise ConfigError(
                f"{self.weights}: no vocab.txt beside the model; put its vocabulary there"
            )
        return Tokenizer.from_vocab(self.vocab_file, self.tokenizer_spec)

    def text_input(self, max_seq_length: int | None = None) -> TextInput:
        """What its OpenVINO forms need to take strings; texts are cut at max_seq_length tokens.

        Raises ConfigError where the vocabulary or the package openvino-tokenizers is missing, where
        texts are not cut at their tails, and where tokens were added to the vocabulary.
        """
        extension()
        if self.tokenizer_spec.added_tokens:
            names = ", ".join(token.content for token in self.tokenizer_spec.added_tokens)
            raise ConfigError(
                f"added tokens ({names:.60}): an OpenVINO file with the tokenizer inside does not "
                "find them in a text; leave tokenizer_inside out"
            )
        for told in self.description.values():
            if isinstance(told, ModelSpec) and told.inputs.truncation != "head":
                raise ConfigError(
                    f"truncation {told.inputs.truncation!r}: an OpenVINO file with the tokenizer "
                    "inside cuts the tail; leave tokenizer_inside out"
                )
        longest = max_seq_length or self.max_seq_length
        return TextInput(self.tokenizer(), longest, self.graph.fed_by())


def open_source(
    path: Path,
    output: str | None = None,
    output_names: Sequence[str] = (),
    trust: bool = False,
) -> Source:
    """The model at `path`: a model folder, an encoder artifact, a SavedModel or a frozen .pb.

    output: "head" (the default where there is one), "pooled" or "sequence" (the default is both);
    output_names: those of a foreign graph; trust: see `read_graph`. Raises ConfigError for an
    output that it has not, CheckpointError or DataError for what is damaged or nothing of these,
    and CheckpointError for a head that is not supported unless `output` leaves it out.
    """
    if is_foreign_graph(path):
        if output:
            raise ConfigError(f"{path}: --output is for checkpoints; name outputs of a graph")
        return _foreign(path, output_names, trust)
    if output_names:
        raise ConfigError(f"{path}: --output-names are for graphs; give --output")
    if (path / "model.json").is_file():
        spec = ModelSpec.read(path)
        weights = load_weights(path / WEIGHTS)
    elif (path / ENCODER_FILE).is_file():
        config = read_encoder(path)
        weights = load_weights(path / WEIGHTS)
        head = load_weights(path / HEAD) if (path / HEAD).is_file() else {}
        spec_of_head = _spec_of_head(path, config, output)
        if spec_of_head is None:
            heads = sorted({tensor.partition("/")[0] for tensor in head})
            left_out = tuple(_PRE_TRAINING[name] for name in heads if name in _PRE_TRAINING)
            return replace(_encoder(path, config, weights, output), left_out=left_out)
        spec, weights = spec_of_head, weights | head
    else:
        raise CheckpointError(
            f"{path}: no checkpoint, model folder, SavedModel or .pb file; give one"
        )
    if output not in (None, "head"):
        return _encoder(path, spec.encoder, weights, output)
    network = build_model(spec)
    source = _of_network(path, network, weights, {"model.json": spec}, spec.inputs.max_seq_length)
    if spec.quantization is None:
        return replace(source, fold=partial(folded_graph, spec, weights))
    return replace(source, quantized=QuantizedModel(spec, weights, read_ranges(path, spec)))


def _encoder(path: Path, config: EncoderConfig, weights: Tensors, output: str | None) -> Source:
    if output == "head":
        raise ConfigError(f"{path}: the checkpoint has no head; give --output pooled or sequence")
    if output == "pooled" and not config.has_pooler:
        raise ConfigError(
            f"{path}: the checkpoint has no pooler; give --output sequence, whose mean over the "
            "tokens of a text (input_mask 1) is one vector a text"
        )
    both = ["pooled", "sequence"] if config.has_pooler else ["sequence"]
    network = build_encoder(config, [output] if output else both)
    longest = config.max_position_embeddings
    return _of_network(path, network, weights, {ENCODER_FILE: config}, longest)


def _of_network(
    path: Path,
    network: keras.Model,
    weights: Tensors,
    description: dict[str, ModelSpec] | dict[str, EncoderConfig],
    max_seq_length: int,
) -> Source:
    file = path / WEIGHTS
    assign(network.trainable_variables, weights, where=str(file))
    (told,) = description.values()
    encoder = told.encoder if isinstance(told, ModelSpec) else told
    return Source(
        graph=graph_of_network(network),
        weights=file,
        description=dict(description),
        vocab_file=path / "vocab.txt",
        tokenizer_spec=encoder.tokenizer,
        max_seq_length=max_seq_length,
    )


def _spec_of_head(path: Path, config: EncoderConfig, output: str | None) -> ModelSpec | None:
    """The model that an imported head makes of its encoder.

    None where there is no head but those of pre-training, and where `output` leaves it out.
    """
    if not (path / HeadSpec.file_name).is_file() or output not in (None, "head"):
        return None
    head = HeadSpec.read(path)
    if not head.is_supported:
        raise CheckpointError(
            f"{path}: its head is a {head.name}, which is not supported; give --output sequence "
            "for its encoder alone"
        )
    if not head.is_certain and output is None:
        raise CheckpointError(
            f"{path}: does not tell whether its head of {len(head.classes)} classes is for texts "
            "or for tokens; give --output head if it is for texts, --output sequence to leave it "
            "out"
        )
    return ModelSpec(
        task=head.name,
        head=head.name,
        encoder=config,
        labels={"classes": list(head.classes)} if head.classes else {},
        inputs=InputSpec(max_seq_length=config.max_position_embeddings),
    )


def _foreign(path: Path, output_names: Sequence[str], trust: bool) -> Source:
    graph = read_graph(path, output_names, trust)
    folder = path if path.is_dir() else path.parent
    places = (folder / "assets/vocab.txt", folder / "vocab.txt", folder.parent / "vocab.txt")
    vocab_file = next((file for file in places if file.is_file()), None)
    return Source(
        graph=graph,
        weights=path / "saved_model.pb" if path.is_dir() else path,
        description={},
        vocab_file=vocab_file,
        tokenizer_spec=TokenizerSpec(
            do_lower_case=vocab_file is None or looks_lower_cased(read_vocab(vocab_file))
        ),
        max_seq_length=fixed_length(graph) or FOREIGN_MAX_SEQ_LENGTH,
    )
