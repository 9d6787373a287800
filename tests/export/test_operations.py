"""SavedModels and graphs with operations that reach files are refused before anything runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from bertline.errors import CheckpointError
from bertline.export.graph import graph_of_network, read_graph
from bertline.export.operations import check_graph, check_saved_model
from bertline.export.saved_model import export_saved_model
from bertline.modeling.model import build_encoder
from tests.export.conftest import SPEC

Body = Callable[[Any], Any]
SPECS = [tf.TensorSpec((None,), tf.float32, name="x")]


class Module(tf.Module):  # type: ignore[misc]
    """A SavedModel of two numbers, whose function does something else on the way."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.numbers = tf.Variable([2.0, 3.0])
        self.body = body
        self.serve = tf.function(self._serve, input_signature=SPECS)

    def _serve(self, x: Any) -> dict[str, Any]:
        with tf.control_dependencies([tf.group(self.body(x))]):
            return {"y": tf.reduce_sum(self.numbers) * x}


def save(folder: Path, body: Body) -> Path:
    module = Module(body)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return folder


def write(file: Path) -> Body:
    return lambda x: tf.io.write_file(str(file), "x")


def in_a_branch(body: Body) -> Body:
    return lambda x: tf.cond(
        tf.reduce_any(x > 0), lambda: tf.group(body(x)), lambda: tf.group(tf.no_op())
    )


BODIES: dict[str, tuple[str, Callable[[Path], Body]]] = {
    "write": ("WriteFile", write),
    "write_in_a_branch": ("WriteFile", lambda file: in_a_branch(write(file))),
    "read": ("ReadFile", lambda file: lambda x: tf.io.read_file(str(file))),
    "list": ("MatchingFiles", lambda file: lambda x: tf.io.matching_files(str(file))),
    "print": ("PrintV2", lambda file: lambda x: tf.print(x, output_stream=f"file://{file}")),
    "python": ("PyFunc", lambda file: lambda x: tf.numpy_function(file.touch, [], [])),
    "save": (
        "SaveV2",
        lambda file: (
            lambda x: tf.raw_ops.SaveV2(
                prefix=str(file), tensor_names=["x"], shape_and_slices=[""], tensors=[x]
            )
        ),
    ),
    "restore": (
        "RestoreV2",
        lambda file: (
            lambda x: tf.raw_ops.RestoreV2(
                prefix=str(file), tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32]
            )
        ),
    ),
    "move": (
        "MergeV2Checkpoints",
        lambda file: (
            lambda x: tf.raw_ops.MergeV2Checkpoints(
                checkpoint_prefixes=[str(file)], destination_prefix=str(file), delete_old_dirs=True
            )
        ),
    ),
    "data": (
        r"\w*Dataset",
        lambda file: lambda x: tf.data.TextLineDataset(str(file)).reduce(0, lambda n, _: n + 1),
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_operations_with_effects_are_refused_before_they_run(tmp_path: Path, name: str) -> None:
    kind, body = BODIES[name]
    file = tmp_path / "touched"
    folder = save(tmp_path / "model", body(file))
    message = f"model: holds the operation {kind}.*; give --trust if you trust whoever made the"
    with pytest.raises(CheckpointError, match=message):
        check_saved_model(folder)
    with pytest.raises(CheckpointError, match=message):
        read_graph(folder)
    assert not file.exists()


def test_a_trusted_one_is_loaded(tmp_path: Path) -> None:
    graph = read_graph(save(tmp_path / "model", write(tmp_path / "touched")), trust=True)
    assert graph.compute({"x": tf.constant([2.0])})["y"].numpy().tolist() == [10.0]
    assert (tmp_path / "touched").exists()


def test_harmless_ones_pass(tmp_path: Path) -> None:
    def body(x: Any) -> Any:
        tf.debugging.assert_all_finite(x, "x")
        return tf.while_loop(
            lambda x: tf.reduce_any(x < 0), lambda x: [x + tf.random.uniform(tf.shape(x))], [x]
        )

    graph = read_graph(save(tmp_path / "model", body))
    assert graph.compute({"x": tf.constant([2.0])})["y"].numpy().tolist() == [10.0]


def test_ours_pass(tmp_path: Path) -> None:
    network = build_encoder(SPEC.encoder, ["pooled"])
    export_saved_model(graph_of_network(network), tmp_path / "model")
    check_saved_model(tmp_path / "model")
    assert read_graph(tmp_path / "model").outputs == ("pooled_output",)


def test_what_an_initializer_does_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\n")

    def table() -> Any:
        return tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                str(tmp_path / "words.txt"),
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            num_oov_buckets=1,
        )

    module = Module(lambda x: tf.no_op())
    module.table = table()
    tf.saved_model.save(module, str(tmp_path / "model"), signatures={"f": module.serve})
    with pytest.raises(CheckpointError, match="the operation InitializeTableFromTextFileV2"):
        check_saved_model(tmp_path / "model")


def changed(folder: Path, change: Callable[[Any], None]) -> Path:
    """The SavedModel with its one MetaGraphDef changed."""
    file = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(saved.meta_graphs[0])
    file.write_bytes(saved.SerializeToString())
    return folder


def test_a_saver_is_no_hiding_place(tmp_path: Path) -> None:
    """What saves may save; once anything else leads to it, it is refused."""
    folder = save(tmp_path / "model", lambda x: tf.no_op())
    check_saved_model(folder)

    def call_it(meta: Any) -> None:
        signature = meta.signature_def["serving_default"]
        signature.outputs["saved"].name = meta.saver_def.save_tensor_name

    with pytest.raises(CheckpointError, match=r"the operation (MergeV2Checkpoints|SaveV2)"):
        check_saved_model(changed(folder, call_it))

    folder = save(tmp_path / "other", lambda x: tf.no_op())

    def list_it(meta: Any) -> None:
        names = [function.signature.name for function in meta.graph_def.library.function]
        (name,) = (name for name in names if "traced_save" in name)
        meta.object_graph_def.concrete_functions[name].SetInParent()

    with pytest.raises(CheckpointError, match=r"the operation (MergeV2Checkpoints|SaveV2)"):
        check_saved_model(changed(folder, list_it))


def test_what_restores_may_only_read_the_variables(tmp_path: Path) -> None:
    """SavedModels of TF1 run their saver's graph when they are loaded."""
    folder = tmp_path / "model"
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, (None,), name="x")
        y = x * tf.compat.v1.get_variable("number", initializer=3.0, use_resource=False)
        session.run(tf.compat.v1.global_variables_initializer())
        builder = tf.compat.v1.saved_model.Builder(str(folder))
        signature = tf.compat.v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    check_saved_model(folder)
    assert read_graph(folder).compute({"x": tf.constant([2.0])})["y"].numpy().tolist() == [6.0]

    def add(meta: Any) -> None:
        with tf.Graph().as_default() as graph:
            tf.io.write_file(str(tmp_path / "touched"), "x", name="extra")
        meta.graph_def.node.extend(graph.as_graph_def().node)
        name = meta.saver_def.restore_op_name
        (restore,) = (node for node in meta.graph_def.node if node.name == name)
        restore.input.append("^extra")

    with pytest.raises(CheckpointError, match="the operation WriteFile"):
        check_saved_model(changed(folder, add))


def test_a_frozen_graph_is_looked_into(tmp_path: Path) -> None:
    function = Module(write(tmp_path / "touched")).serve.get_concrete_function()
    definition = function.graph.as_graph_def()
    (tmp_path / "a.pb").write_bytes(definition.SerializeToString())
    with pytest.raises(CheckpointError, match=r"a\.pb: holds the operation WriteFile"):
        read_graph(tmp_path / "a.pb")
    with pytest.raises(CheckpointError, match="the operation WriteFile"):
        check_graph(definition, Path("a.pb"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    module = Module(lambda x: tf.no_op())
    module.numbers.assign([1.0, bad])
    folder = str(tmp_path / "model")
    tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})
    with pytest.raises(CheckpointError, match=r"Variable:0 has 1 of 2 values that are NaN or inf"):
        read_graph(tmp_path / "model")
    constants = tf.constant([1.0, bad], name="table")
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (2,), name="x")
        _ = x * tf.constant(constants.numpy(), name="table")
    (tmp_path / "a.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(CheckpointError, match=r"a\.pb: table has 1 of 2 values that are NaN"):
        read_graph(tmp_path / "a.pb")


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match=r"not a SavedModel \(.*\); copy or save it again"):
        check_saved_model(tmp_path)
