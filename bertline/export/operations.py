"""Checks the operations of a SavedModel or a frozen graph before TensorFlow loads it.

Loading a SavedModel runs its initializers, and calling it runs everything in its graph, which may
read and write files or reach the network. Operations with such effects are refused anywhere in the
graph and its function library. The only exceptions are the operations that save and restore
variables, if nothing but the saver uses them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.python.framework import op_def_registry
from tensorflow.python.saved_model import loader_impl

from bertline.errors import CheckpointError

# TensorFlow marks operations that have effects, or depend on more than their inputs, as stateful.
# The effects of these stay in memory (of Print: on standard error).
_HARMLESS = re.compile(
    r"(Stateful)?PartitionedCall|If|While|Case|_Arg|_Retval|XlaCallModule|Assert|Print|"
    r"Var(Handle|IsInitialized)Op|(Read|Assign|AssignAdd|AssignSub)VariableOp|"
    r"Variable(V2|Shape)?|TemporaryVariable|DestroyResourceOp|DisableCopyOnRead|"
    r"Resource(Gather|Scatter|StridedSlice)\w*|TensorArray\w*|Stack\w*|"
    r"(Anonymous)?(Mutable)?(Dense)?HashTable(OfTensors)?(V2)?|"
    r"LookupTable(Find|Import|Insert|Remove|Size|Export)V2|InitializeTableV2|"
    r"Random\w+|(Parameterized)?TruncatedNormal|Multinomial|Rng\w+|CheckNumerics(V2)?|"
    r"Stateful(Random|Standard|Truncated|Uniform)\w+|GuaranteeConst|Empty|StatelessRandomGetAlg"
)
# These are not marked as stateful but do read or write files.
_HARMFUL = re.compile(
    r"ReadFile|MatchingFiles|ImmutableConst|DecodeProtoV2|EncodeProto|PyFuncStateless|"
    r"InitializeTableFromTextFile|GenerateVocabRemapping|Debug\w+|\w*(Dataset|Reader)\w*"
)
_RESTORES = re.compile(r"Restore(V2|Slice)?|ShardedFilename")


def check_saved_model(folder: Path) -> None:
    """Raises CheckpointError if a SavedModel holds an operation with effects outside of it.

    Raises it also for a folder without a readable SavedModel.
    """
    try:
        # TensorFlow's own parser: it chooses among several files as the loader does.
        saved = loader_impl.parse_saved_model(str(folder))
    except (OSError, DecodeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"{folder}: not a SavedModel ({reason:.120}); copy or save it again"
        ) from None
    for meta in saved.meta_graphs:
        graph = _Calls(meta.graph_def)
        saving = graph.behind([meta.saver_def.save_tensor_name])
        restoring = graph.behind([meta.saver_def.restore_op_name])
        by_saver = saving[0] | restoring[0], saving[1] | restoring[1]
        others = graph.behind(
            [*(graph.nodes.keys() - by_saver[0]), *_entrances(meta)],
            [*(graph.functions.keys() - by_saver[1]), *meta.object_graph_def.concrete_functions],
        )
        _check(graph, *others, folder)
        # The saving part never runs; the restoring part runs when a TF1 SavedModel is loaded.
        _check(graph, *restoring, folder, except_for=_RESTORES)


def check_graph(definition: Any, where: Path) -> None:
    """Raises CheckpointError if a GraphDef holds an operation with effects outside of it."""
    graph = _Calls(definition)
    _check(graph, set(graph.nodes), set(graph.functions), where)


class _Calls:
    """The nodes and functions of a GraphDef and the calls among them."""

    def __init__(self, definition: Any) -> None:
        self.nodes: Mapping[str, Any] = {node.name: node for node in definition.node}
        self.functions: Mapping[str, Any] = {
            function.signature.name: function for function in definition.library.function
        }

    def behind(
        self, tensors: Iterable[str], functions: Iterable[str] = ()
    ) -> tuple[set[str], set[str]]:
        """The names of all nodes and functions that these depend on, themselves included."""
        waiting = [_node_name(tensor) for tensor in tensors]
        nodes: set[str] = set()
        called = list(functions)
        while waiting:
            name = waiting.pop()
            if name in self.nodes and name not in nodes:
                nodes.add(name)
                waiting += map(_node_name, self.nodes[name].input)
                called += self.called_by(self.nodes[name])
        reached: set[str] = set()
        while called:
            name = called.pop()
            if name in self.functions and name not in reached:
                reached.add(name)
                for node in self.functions[name].node_def:
                    called += self.called_by(node)
        return nodes, reached

    def called_by(self, node: Any) -> Iterator[str]:
        """The names of the functions that a node calls."""
        yield node.op  # in old graphs a call is an operation of the function's name
        for value in node.attr.values():
            yield value.func.name
            yield from (function.name for function in value.list.func)


def _entrances(meta: Any) -> Iterator[str]:
    """The names of the tensors and operations that a MetaGraphDef declares as runnable."""
    for signature in meta.signature_def.values():
        for tensor in (*signature.inputs.values(), *signature.outputs.values()):
            yield tensor.name
            yield from (part.name for part in tensor.composite_tensor.components)
    for collection in meta.collection_def.values():
        yield from collection.node_list.value


def _check(
    graph: _Calls,
    nodes: Iterable[str],
    functions: Iterable[str],
    where: Path,
    except_for: re.Pattern[str] | None = None,
) -> None:
    """Raises CheckpointError for an operation with effects that is not one of `except_for`."""
    every = [graph.nodes[name] for name in nodes]
    every += [node for name in functions for node in graph.functions[name].node_def]
    for kind in sorted({node.op for node in every}):
        if _has_effects(kind) and not (except_for and except_for.fullmatch(kind)):
            raise CheckpointError(
                f"{where}: holds the operation {kind}, which may read or write files of this "
                "machine or reach beyond it; give --trust if you trust whoever made the model"
            )


def _has_effects(kind: str) -> bool:
    if _HARMFUL.fullmatch(kind):
        return True
    definition = op_def_registry.get(kind)  # None for a function's name
    return bool(definition and definition.is_stateful and not _HARMLESS.fullmatch(kind))


def _node_name(tensor: str) -> str:
    """The node of "^node", "node" or "node:0"."""
    return tensor.removeprefix("^").partition(":")[0]
