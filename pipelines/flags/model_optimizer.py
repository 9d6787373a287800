"""mo and mo_tf.py: OpenVINO's Model Optimizer, of a frozen graph, a SavedModel or a checkpoint."""

import re

from bertline.errors import ConfigError
from pipelines.flags.body import convert_line
from pipelines.flags.flag import (
    BOOLEAN,
    NUMBER,
    TEXT,
    WHOLE,
    Combined,
    Flag,
    Script,
    Values,
    one_of,
)
from pipelines.flags.shapes import static

SOURCES = ("saved_model_dir", "input_checkpoint", "input_meta_graph", "input_model")
BRACKETS = re.compile(r"[\[(]([^\])]*)[\])]")

IMAGES = "of images"
GRAPH = "the graph is converted as it is"
FOLDER = "a folder of its own; converted, if left out"
QUIET = "progress is told on standard error"

FLAGS = (
    Flag("input_model", TEXT, "CHECKPOINT", combined=True, note="a frozen graph, .pb"),
    Flag("saved_model_dir", TEXT, "CHECKPOINT", combined=True),
    Flag(
        "input_checkpoint",
        TEXT,
        "CHECKPOINT",
        combined=True,
        note="what the names of its files begin with; of an encoder that bertline knows",
    ),
    Flag(
        "input_meta_graph",
        TEXT,
        "CHECKPOINT",
        combined=True,
        note="without .meta: the checkpoint beside it",
    ),
    Flag("output_dir", TEXT, "--output-dir", combined=True, note=FOLDER),
    Flag(
        "data_type",
        one_of("FP16", "FP32", "half", "float"),
        "--to",
        combined=True,
        note="FP16, half: openvino_fp16; FP32, float, nothing: openvino_fp32",
    ),
    Flag(
        "compress_to_fp16",
        BOOLEAN,
        "--to",
        combined=True,
        note="true: openvino_fp16; false: openvino_fp32",
    ),
    Flag(
        "input_shape",
        TEXT,
        "--static",
        combined=True,
        note="[1,128] of every input: 1x128; sizes of -1 and ?: open",
    ),
    Flag("input", TEXT, "--static", combined=True, note="its shapes alone; all inputs are kept"),
    Flag("output", TEXT, "--output-names"),
    Flag("batch", WHOLE, note="batch and length are fixed together: --static BATCHxLENGTH"),
    Flag("static_shape", BOOLEAN, note="--static BATCHxLENGTH fixes the shape"),
    Flag("saved_model_tags", TEXT, note="those for serving"),
    Flag("model_name", TEXT, note="a file is named by its format: openvino_fp16/model.xml"),
    Flag("framework", one_of("tf", "tensorflow"), note="TensorFlow is what there is"),
    Flag("input_model_is_text", BOOLEAN, note="only binary graphs are read"),
    Flag("freeze_placeholder_with_value", TEXT, note=GRAPH),
    Flag("scale", NUMBER, note=IMAGES),
    Flag("scale_values", TEXT, note=IMAGES),
    Flag("mean_values", TEXT, note=IMAGES),
    Flag("reverse_input_channels", BOOLEAN, note=IMAGES),
    Flag("disable_nhwc_to_nchw", BOOLEAN, note=IMAGES),
    Flag("layout", TEXT, note=IMAGES),
    Flag("source_layout", TEXT, note=IMAGES),
    Flag("target_layout", TEXT, note=IMAGES),
    Flag("transform", TEXT, note=GRAPH),
    Flag("transformations_config", TEXT, note=GRAPH),
    Flag("tensorflow_use_custom_operations_config", TEXT, note=GRAPH),
    Flag("tensorflow_custom_layer_libraries", TEXT, note=GRAPH),
    Flag("extensions", TEXT, note=GRAPH),
    Flag("disable_fusing", BOOLEAN, note=GRAPH),
    Flag("finegrain_fusing", TEXT, note=GRAPH),
    Flag("disable_weights_compression", BOOLEAN, note="--to chooses the precision"),
    Flag("generate_deprecated_IR_V7", BOOLEAN, note="only today's IR is written"),
    Flag("use_new_frontend", BOOLEAN, note="there is one converter"),
    Flag("use_legacy_frontend", BOOLEAN, note="there is one converter"),
    Flag("tensorboard_logdir", TEXT, note=QUIET),
    Flag("log_level", TEXT, note=QUIET),
    Flag("silent", BOOLEAN, note=QUIET),
    Flag("progress", BOOLEAN, note=QUIET),
    Flag("stream_output", BOOLEAN, note=QUIET),
)


def combine(values: Values) -> Combined:
    """The source, the folder, the precision and the shape; ConfigError for another source."""
    folder = values.get("output_dir", "converted")
    options = {"CHECKPOINT": _source(values), "--output-dir": folder, "--to": _format(values)}
    return Combined(options) | _shape(values)


def _source(values: Values) -> str:
    for name in SOURCES:
        if values.get(name):
            path = str(values[name]).removesuffix(".meta")
            break
    else:
        raise ConfigError(f"mo: nothing to convert; give one of --{', --'.join(SOURCES)}")
    if name == "input_model" and not path.endswith(".pb"):
        raise ConfigError(f"mo: --input_model {path}: no .pb file; give a frozen graph")
    return path


def _format(values: Values) -> str:
    half = values.get("compress_to_fp16", values.get("data_type") in ("FP16", "half"))
    return "openvino_fp16" if half else "openvino_fp32"


def _shape(values: Values) -> Combined:
    for name in ("input_shape", "input"):
        shapes = BRACKETS.findall(values.get(name, ""))
        if shapes:
            return static(shapes, name)
    return Combined()


SCRIPT = Script(
    ("mo", "mo_tf"),
    FLAGS,
    combine,
    convert_line,
    short={
        "w": "input_model",
        "m": "input_model",
        "n": "model_name",
        "o": "output_dir",
        "b": "batch",
        "s": "scale",
        "ms": "mean_values",
    },
)
