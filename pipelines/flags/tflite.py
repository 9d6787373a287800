"""tflite_convert and toco: TensorFlow Lite's converter, of a frozen graph or a SavedModel."""

from bertline.errors import ConfigError
from pipelines.flags.body import convert_line
from pipelines.flags.flag import (
    BOOLEAN,
    NUMBER,
    TEXT,
    Combined,
    Flag,
    Script,
    Values,
    one_of,
)
from pipelines.flags.shapes import static

SOURCES = ("saved_model_dir", "savedmodel_directory", "graph_def_file", "input_file")
OUTPUTS = ("output_arrays", "output_array")
SHAPES = ("input_shapes", "input_shape")

INPUTS = "all inputs are kept, with their names and types"
RANGES = "ranges come from texts, see --calibration"
GRAPH = "the graph is converted as it is"
BUILT_IN = "LiteRT's own operations alone"
TEXTS = "texts.jsonl"
INT8 = (
    f'sums and dense layers in int8, with ranges of {TEXTS}: some hundred lines {{"text": …}}, '
    "and vocab.txt beside the graph; integers alone need the stage quantize of a recipe (snips-qat)"
)
TYPES = one_of("FLOAT", "INT8", "UINT8", "QUANTIZED_UINT8")

FLAGS = (
    *(
        Flag(name, TEXT, "CHECKPOINT", combined=True, note="a frozen graph, .pb, or a SavedModel")
        for name in SOURCES
    ),
    Flag("keras_model_file", TEXT, note="save it as a SavedModel, and give that"),
    Flag(
        "output_file",
        TEXT,
        "--output-dir",
        combined=True,
        note="without .tflite: the folder of the file",
    ),
    *(Flag(name, TEXT, "--output-names", combined=True) for name in OUTPUTS),
    *(
        Flag(name, TEXT, "--static", combined=True, note="1,128 of every input: 1x128")
        for name in SHAPES
    ),
    *(
        Flag(
            name,
            BOOLEAN,
            "--to",
            combined=True,
            note="true: litert_dynamic_int8, else litert_float32",
        )
        for name in ("post_training_quantize", "quantize_weights")
    ),
    Flag(
        "quantize_to_float16",
        BOOLEAN,
        "--to",
        combined=True,
        note="true, with --post_training_quantize: litert_float16",
    ),
    Flag(
        "inference_type",
        TYPES,
        "--to",
        combined=True,
        note="FLOAT: as without; else litert_int8, with --calibration",
    ),
    Flag("inference_input_type", TYPES, note=INPUTS),
    Flag("input_data_type", TEXT, note=INPUTS),
    Flag("input_data_types", TEXT, note=INPUTS),
    Flag("input_array", TEXT, note=INPUTS),
    Flag("input_arrays", TEXT, note=INPUTS),
    Flag("input_format", TEXT, note="told by the source"),
    Flag("output_format", TEXT, note="always TFLITE"),
    Flag("saved_model_tag_set", TEXT, note="those for serving"),
    Flag("saved_model_signature_key", TEXT, note="that for serving"),
    Flag("mean_value", NUMBER, note=RANGES),
    Flag("mean_values", TEXT, note=RANGES),
    Flag("std_value", NUMBER, note=RANGES),
    Flag("std_values", TEXT, note=RANGES),
    Flag("std_dev_values", TEXT, note=RANGES),
    Flag("default_ranges_min", NUMBER, note=RANGES),
    Flag("default_ranges_max", NUMBER, note=RANGES),
    Flag("drop_control_dependency", BOOLEAN, note=GRAPH),
    Flag("drop_fake_quant", BOOLEAN, note=GRAPH),
    Flag("reorder_across_fake_quant", BOOLEAN, note=GRAPH),
    Flag("change_concat_input_ranges", BOOLEAN, note=GRAPH),
    Flag("allow_nudging_weights_to_use_fast_gemm_kernel", BOOLEAN, note=GRAPH),
    Flag("allow_custom_ops", BOOLEAN, note=BUILT_IN),
    Flag("custom_opdefs", TEXT, note=BUILT_IN),
    Flag("target_ops", TEXT, note=BUILT_IN),
    Flag("experimental_select_user_tf_ops", TEXT, note=BUILT_IN),
    Flag("dump_graphviz_dir", TEXT, note="graphs are not drawn"),
    Flag("dump_graphviz_video", BOOLEAN, note="graphs are not drawn"),
    Flag("conversion_summary_dir", TEXT, note="exports.json tells what was written"),
    Flag("enable_v1_converter", BOOLEAN, note="there is one converter"),
    Flag("experimental_new_converter", BOOLEAN, note="there is one converter"),
    Flag("experimental_new_quantizer", BOOLEAN, note="there is one converter"),
)


def combine(values: Values) -> Combined:
    """The source, the folder, the precision, outputs and shape; ConfigError without a source."""
    source = _first(values, SOURCES)
    if source is None:
        raise ConfigError(
            "tflite_convert: nothing to convert; give --saved_model_dir or --graph_def_file"
        )
    folder = values.get("output_file", "converted").removesuffix(".tflite")
    options = {"CHECKPOINT": source, "--output-dir": folder, "--to": _format(values)}
    outputs, shapes = _first(values, OUTPUTS), _first(values, SHAPES)
    if outputs:
        options["--output-names"] = outputs
    shape = static(shapes.split(":"), "input_shapes") if shapes else Combined()
    return Combined(options) | shape | _integers(values)


def _integers(values: Values) -> Combined:
    asked = values.get("inference_type", "FLOAT")
    if asked == "FLOAT":
        return Combined()
    options = {"--to": "litert_int8", "--calibration": TEXTS}
    return Combined(options, (f"--inference_type={asked}: {INT8}",))


def _first(values: Values, names: tuple[str, ...]) -> str | None:
    """The value of the first of those flags that is given."""
    return next((values[name] for name in names if values.get(name)), None)


def _format(values: Values) -> str:
    if not (values.get("post_training_quantize") or values.get("quantize_weights")):
        return "litert_float32"
    return "litert_float16" if values.get("quantize_to_float16") else "litert_dynamic_int8"


SCRIPT = Script(("tflite_convert", "toco"), FLAGS, combine, convert_line)
