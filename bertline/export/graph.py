"""What is exported: a function from token ids to outputs, of a network or of a foreign graph."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import keras
import tensorflow as tf
from google.protobuf.message import DecodeError

from bertline.config import nearest
from bertline.errors import CheckpointError, ConfigError
from bertline.export.operations import check_graph, check_saved_model
from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.finite import check_finite

Shape = tuple[int | None, int | None]
"""(batch, length) of the inputs; None is open."""
OPEN: Shape = (None, None)
SIGNATURE = "serving_default"
_FLOATS = {kind.as_datatype_enum for kind in (tf.float16, tf.bfloat16, tf.float32, tf.float64)}
NAMES = {
    "input_ids": ("input_ids", "input_word_ids"),
    "input_mask": ("input_mask", "attention_mask"),
    "segment_ids": ("segment_ids", "token_type_ids", "input_type_ids"),
}
"""MODEL_INPUTS → what BERTs call them, here and elsewhere."""


@dataclass(frozen=True)
class Graph:
    """A function of named tensors and what it needs.

    compute: input name → tensor in, output name → tensor out. inputs: shape and type of each input.
    outputs: their names. variables: what `compute` reads; empty where weights are constants.
    has_token_rows: whether its reshapes to [-1, n] all make tokens the rows of a matrix, as
    modeling.encoder does.
    """

    compute: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    inputs: Mapping[str, Any]
    outputs: tuple[str, ...]
    variables: Sequence[Any]
    has_token_rows: bool = False

    def serving_function(self, shape: Shape = OPEN) -> Any:
        """`compute` as a tf.function of the named inputs, their open sizes set to `shape`.

        Raises ConfigError where an input has another fixed size.
        """
        signature = [_narrowed(name, spec, shape) for name, spec in self.inputs.items()]

        def serve(*tensors: Any) -> dict[str, Any]:
            return dict(self.compute(dict(zip(self.inputs, tensors, strict=True))))

        return tf.function(serve, input_signature=signature)

    def with_outputs(self, names: Sequence[str]) -> Self:
        """The graph with these of its outputs alone."""

        def compute(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
            outputs = self.compute(inputs)
            return {name: outputs[name] for name in names}

        return replace(self, compute=compute, outputs=tuple(names))

    def fed_by(self) -> dict[str, str]:
        """Each input → which of MODEL_INPUTS it is, by the names that BERTs are known to give.

        Raises ConfigError for another input.
        """
        kinds = {name: kind for kind, names in NAMES.items() for name in names}
        unknown = [name for name in self.inputs if name not in kinds]
        if unknown:
            raise ConfigError(
                f"inputs {', '.join(unknown)}: neither ids, mask nor segments of a BERT "
                f"({', '.join(kinds)}); convert without calibration and tokenizer"
            )
        return {name: kinds[name] for name in self.inputs}


def graph_of_network(network: keras.Model) -> Graph:
    """The inference of a Keras model: int32 [batch, length] under the names of MODEL_INPUTS.

    No dropout is in it. Raises ConfigError under another Keras backend than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"KERAS_BACKEND={keras.backend.backend()}: graphs are TensorFlow's; leave it unset"
        )
    return Graph(
        compute=lambda inputs: network(inputs, training=False),
        inputs={name: tf.TensorSpec(OPEN, tf.int32, name=name) for name in MODEL_INPUTS},
        outputs=tuple(network.output),
        variables=[variable.value for variable in network.trainable_variables],
        has_token_rows=True,
    )


def is_foreign_graph(path: Path) -> bool:
    """Whether `path` is a SavedModel folder or a .pb file, as `read_graph` takes."""
    return (path / "saved_model.pb").is_file() or (path.suffix == ".pb" and path.is_file())


def read_graph(path: Path, output_names: Sequence[str] = (), trust: bool = False) -> Graph:
    """The graph of a SavedModel folder (its signature serving_default) or of a frozen .pb file.

    Inputs keep their names, types and fixed sizes. output_names: those to keep; by default all of
    the signature, or all ends of a frozen graph. trust: take also one with operations that
    `bertline.export.operations` refuses. Raises CheckpointError if it cannot be read, is refused
    or has a weight that is NaN or infinite; ConfigError for an output that it has not.
    """
    if path.is_dir():
        graph = _read_saved_model(path, trust)
    else:
        graph = _read_frozen(path, output_names, trust)
    for name in output_names:
        if name not in graph.outputs:
            raise ConfigError(f"{path}: no output {name!r}; {nearest(name, list(graph.outputs))}")
    return graph.with_outputs(output_names or graph.outputs)


def _read_saved_model(path: Path, trust: bool) -> Graph:
    if not trust:
        check_saved_model(path)
    try:
        loaded = tf.saved_model.load(str(path))
    except (OSError, ValueError, KeyError, tf.errors.OpError, DecodeError) as error:
        raise _unreadable(path, "SavedModel", error) from None
    if SIGNATURE not in loaded.signatures:
        known = ", ".join(sorted(loaded.signatures)) or "none"
        raise CheckpointError(
            f"{path}: no signature {SIGNATURE!r} (there: {known}); save the model with one"
        )
    function = loaded.signatures[SIGNATURE]
    check_finite(((each.name, each.numpy()) for each in function.variables), str(path))
    _check_constants(function.graph.as_graph_def(), path)

    def compute(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        assert loaded is not None  # variables belong to it, the function holds them weakly
        outputs: Mapping[str, Any] = function(**inputs)
        return outputs

    # Sorted: a signature's own order differs from process to process.
    inputs = dict(sorted(function.structured_input_signature[1].items()))
    return Graph(compute, inputs, tuple(sorted(function.structured_outputs)), function.variables)


def _read_frozen(path: Path, output_names: Sequence[str], trust: bool) -> Graph:
    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(path.read_bytes())
        if not trust:
            check_graph(definition, path)
        _check_constants(definition, path)
        wrapped = tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(definition, name=""), []
        )
    except (DecodeError, ValueError, tf.errors.OpError) as error:
        raise _unreadable(path, "frozen graph", error) from None
    operations = {operation.name: operation for operation in wrapped.graph.get_operations()}
    inputs = [o.outputs[0] for o in operations.values() if o.type == "Placeholder"]
    ends = {
        name: operation.outputs[0]
        for name, operation in operations.items()
        if operation.outputs and (name in output_names or _is_end(operation))
    }
    if not inputs or not ends:
        raise CheckpointError(f"{path}: a graph without inputs or outputs; give a frozen model")
    function = wrapped.prune(inputs, ends)

    def compute(values: Mapping[str, Any]) -> Mapping[str, Any]:
        outputs: Mapping[str, Any] = function(*values.values())
        return outputs

    specs = {t.op.name: tf.TensorSpec(t.shape, t.dtype, name=t.op.name) for t in inputs}
    return Graph(compute, specs, tuple(ends), [])


def _check_constants(definition: Any, path: Path) -> None:
    """Raises CheckpointError for a weight among the constants of a GraphDef that is not finite.

    Single numbers are no weights: an infinite one may be a mask's.
    """
    functions = (function.node_def for function in definition.library.function)
    constants = (
        (node.name, tf.make_ndarray(node.attr["value"].tensor))
        for nodes in (definition.node, *functions)
        for node in nodes
        if node.op == "Const" and node.attr["dtype"].type in _FLOATS
    )
    check_finite(((name, values) for name, values in constants if values.size > 1), str(path))


def _is_end(operation: Any) -> bool:
    return operation.type not in ("Placeholder", "Const") and not any(
        tensor.consumers() for tensor in operation.outputs
    )


def _narrowed(name: str, spec: Any, shape: Shape) -> Any:
    if spec.shape.rank != len(shape):
        return tf.TensorSpec(spec.shape, spec.dtype, name=name)
    try:
        return tf.TensorSpec(spec.shape.merge_with(shape), spec.dtype, name=name)
    except ValueError:
        raise ConfigError(
            f"input {name!r} has the fixed shape {spec.shape.as_list()}, not {list(shape)}; "
            "give its own or another model"
        ) from None


def _unreadable(path: Path, kind: str, error: Exception) -> CheckpointError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return CheckpointError(f"{path}: not a {kind} ({reason:.120}); copy or save it again")
