"""What can be exported without training: model folders, encoder artifacts, foreign graphs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras

from bertline.artifacts import read_json
from bertline.config import Config
from bertline.errors import CheckpointError, ConfigError
from bertline.export.calibration import fixed_length
from bertline.export.exporter import Fold
from bertline.export.folding import folded_graph
from bertline.export.graph import Graph, graph_of_network, is_foreign_graph, read_graph
from bertline.export.quantized import QuantizedModel
from bertline.export.text_input import TextInput, extension
from bertline.features.spec import InputSpec
from bertline.features.tokenizer import Tokenizer, read_vocab
from bertline.modeling.checkpoints.google import looks_lower_cased
from bertline.modeling.config import EncoderConfig, ModelSpec
from bertline.modeling.folder import read_ranges
from bertline.modeling.model import build_encoder, build_model
from bertline.modeling.weights import Tensors, assign, load_weights

WEIGHTS, HEAD = "weights.safetensors", "head.safetensors"
# Of a foreign graph its number of positions is not known; this is what BERTs have.
FOREIGN_MAX_SEQ_LENGTH = 512


@dataclass(frozen=True)
class Source:
    """Something to convert.

    weights: the file that its identity is taken from. description: file name → what the folder of
    the converted model tells of it. vocab_file, do_lower_case: its tokenizer's, if that is known.
    max_seq_length: the longest input in tokens. quantized: what it is in integers, if it was
    trained for them; fold: gives its graph with outliers folded, if it is a network that was not.
    """

    graph: Graph
    weights: Path
    description: dict[str, Config]
    vocab_file: Path | None
    do_lower_case: bool
    max_seq_length: int
    quantized: QuantizedModel | None = None
    fold: Fold | None = None

    def tokenizer(self) -> Tokenizer:
        """Its tokenizer; raises ConfigError where there is no vocabulary."""
        if self.vocab_file is None:
            raise ConfigError(
                f"{self.weights}: no vocab.txt beside the model; put its vocabulary there"
            )
        return Tokenizer.from_vocab(self.vocab_file, self.do_lower_case)

    def text_input(self, max_seq_length: int | None = None) -> TextInput:
        """What its OpenVINO forms need to take strings; texts are cut at max_seq_length tokens.

        Raises ConfigError where the vocabulary or the package openvino-tokenizers is missing, and
        where texts are not cut at their tails.
        """
        extension()
        for told in self.description.values():
            if isinstance(told, ModelSpec) and told.inputs.truncation != "head":
                raise ConfigError(
                    f"truncation {told.inputs.truncation!r}: an OpenVINO file with the tokenizer "
                    "inside cuts the tail; leave tokenizer_inside out"
                )
        longest = max_seq_length or self.max_seq_length
        return TextInput(self.tokenizer(), longest, self.graph.fed_by())


def open_source(path: Path, output: str | None = None, output_names: Sequence[str] = ()) -> Source:
    """The model at `path`: a model folder, an encoder artifact, a SavedModel or a frozen .pb.

    output: "head" (the default where there is one), "pooled" or "sequence" (the default is both);
    output_names: those of a foreign graph. Raises ConfigError for an output that it has not,
    CheckpointError or DataError for what is damaged or nothing of these.
    """
    if is_foreign_graph(path):
        if output:
            raise ConfigError(f"{path}: --output is for checkpoints; name outputs of a graph")
        return _foreign(path, output_names)
    if output_names:
        raise ConfigError(f"{path}: --output-names are for graphs; give --output")
    if (path / "model.json").is_file():
        spec = ModelSpec.read(path)
        weights = load_weights(path / WEIGHTS)
    elif (path / "encoder.json").is_file():
        file = path / "encoder.json"
        config = EncoderConfig.parse(read_json(file), where=str(file))
        weights = load_weights(path / WEIGHTS)
        head = load_weights(path / HEAD) if (path / HEAD).is_file() else {}
        spec_of_head = _spec_of_head(config, head)
        if spec_of_head is None:
            return _encoder(path, config, weights, output)
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
    network = build_encoder(config, [output] if output else ["pooled", "sequence"])
    longest = config.max_position_embeddings
    return _of_network(path, network, weights, {"encoder.json": config}, longest)


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
        do_lower_case=encoder.do_lower_case,
        max_seq_length=max_seq_length,
    )


def _spec_of_head(config: EncoderConfig, head: Tensors) -> ModelSpec | None:
    """The model that imported tensors make of an encoder, its classes named by their numbers.

    None where they are heads of pre-training, which answer nothing.
    """
    labels: dict[str, list[str]] = {}
    if "label_dense/bias" in head:
        name = "classifier"
        labels["classes"] = [str(number) for number in range(len(head["label_dense/bias"]))]
    elif "span_dense/bias" in head:
        name = "answer_span"
    else:
        return None
    return ModelSpec(
        task=name,
        head=name,
        encoder=config,
        labels=labels,
        inputs=InputSpec(max_seq_length=config.max_position_embeddings),
    )


def _foreign(path: Path, output_names: Sequence[str]) -> Source:
    graph = read_graph(path, output_names)
    folder = path if path.is_dir() else path.parent
    places = (folder / "assets/vocab.txt", folder / "vocab.txt", folder.parent / "vocab.txt")
    vocab_file = next((file for file in places if file.is_file()), None)
    return Source(
        graph=graph,
        weights=path / "saved_model.pb" if path.is_dir() else path,
        description={},
        vocab_file=vocab_file,
        do_lower_case=vocab_file is None or looks_lower_cased(read_vocab(vocab_file)),
        max_seq_length=fixed_length(graph) or FOREIGN_MAX_SEQ_LENGTH,
    )
