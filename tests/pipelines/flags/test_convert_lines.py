import shlex

import pytest

from bertline.errors import ConfigError
from pipelines.flags import recipe_of


def options(command: str) -> dict[str, str]:
    """The options of the `bertline convert` line that a command becomes."""
    words = shlex.split(recipe_of(command).body)
    assert words[:2] == ["bertline", "convert"]
    return {"CHECKPOINT": words[2]} | dict(zip(words[3::2], words[4::2], strict=True))


def test_a_frozen_graph_as_openvinos_guide_converts_it() -> None:
    assert options(
        "python3 mo_tf.py --input_model /m/inference_graph.pb --output bert/pooler/dense/Tanh "
        '--input "Placeholder_2[1 128]{i32},Placeholder{i32}[1 128],Placeholder_1{i32}[1 128]" '
        "--disable_nhwc_to_nchw --data_type=FP16"
    ) == {
        "CHECKPOINT": "/m/inference_graph.pb",
        "--output-dir": "converted",
        "--to": "openvino_fp16",
        "--static": "1x128",
        "--output-names": "bert/pooler/dense/Tanh",
    }


def test_a_meta_graph_is_the_checkpoint_beside_it() -> None:
    command = (
        "mo --input_meta_graph uncased_L-12_H-768_A-12/bert_model.ckpt.meta --output_dir /ir "
        "--input_shape [1,384],[1,384],[1,384] --scale 255"
    )
    assert options(command) == {
        "CHECKPOINT": "uncased_L-12_H-768_A-12/bert_model.ckpt",
        "--output-dir": "/ir",
        "--to": "openvino_fp32",
        "--static": "1x384",
    }
    assert recipe_of(command).notes == ("--scale=255: of images",)


@pytest.mark.parametrize("shape", ["[1,-1],[1,-1]", "[1,128],[1,64]", "(1,224,224,3)", "[0,8]"])
def test_other_shapes_stay_open_and_that_is_told(shape: str) -> None:
    command = f"mo --saved_model_dir=/m --input_shape='{shape}'"
    assert "--static" not in options(command)
    assert recipe_of(command).notes == (
        "--input_shape: not one batch and length for all; the sizes stay open",
    )


@pytest.mark.parametrize(
    ("flag", "form"),
    [
        ("--data_type=half", "openvino_fp16"),
        ("--data_type=float", "openvino_fp32"),
        ("--compress_to_fp16", "openvino_fp16"),
        ("--compress_to_fp16=False", "openvino_fp32"),
    ],
)
def test_precisions_of_mo(flag: str, form: str) -> None:
    assert options(f"mo --saved_model_dir=/m {flag}")["--to"] == form


def test_tflite_convert_as_the_reference_recipe_calls_it() -> None:
    assert options("tflite_convert --output_file=./bert.tflite --saved_model_dir=$MODEL") == {
        "CHECKPOINT": "$MODEL",
        "--output-dir": "./bert",
        "--to": "litert_float32",
    }


def test_toco_of_a_frozen_graph() -> None:
    command = (
        "toco --graph_def_file=frozen.pb --output_file=bert.tflite --input_arrays=ids,mask "
        "--input_shapes=1,128:1,128 --output_arrays=loss/Softmax,pooled "
        "--inference_type=QUANTIZED_UINT8 --mean_values=0,0 --std_dev_values=1,1"
    )
    assert options(command) == {
        "CHECKPOINT": "frozen.pb",
        "--output-dir": "bert",
        "--to": "litert_int8",
        "--calibration": "texts.jsonl",
        "--output-names": "loss/Softmax,pooled",
        "--static": "1x128",
    }
    (told,) = (each for each in recipe_of(command).notes if each.startswith("--inference_type"))
    assert told.startswith("--inference_type=QUANTIZED_UINT8: sums and dense layers in int8, with ")
    assert told.endswith("; integers alone need the stage quantize of a recipe (snips-qat)")


@pytest.mark.parametrize(
    ("flags", "form"),
    [
        ("", "litert_float32"),
        ("--inference_type=float", "litert_float32"),
        ("--inference_type=INT8 --post_training_quantize", "litert_int8"),
        ("--quantize_weights", "litert_dynamic_int8"),
        ("--post_training_quantize", "litert_dynamic_int8"),
        ("--post_training_quantize --quantize_to_float16", "litert_float16"),
        ("--quantize_to_float16", "litert_float32"),
    ],
)
def test_precisions_of_tflite_convert(flags: str, form: str) -> None:
    assert options(f"tflite_convert --saved_model_dir=/m {flags}")["--to"] == form


def test_a_line_means_to_a_shell_what_the_command_did() -> None:
    body = recipe_of("mo --saved_model_dir='/my models/$(rm x)' --output_dir=~/ir-$TAG").body
    assert body == (
        "bertline convert '/my models/$(rm x)' --output-dir ~/ir-$TAG --to openvino_fp32\n"
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("mo --data_type=FP16", "mo: nothing to convert; give one of --saved_model_dir, --input_"),
        ("mo --input_model=", "mo: nothing to convert"),
        ("mo --input_model=a.onnx", "mo: --input_model a.onnx: no .pb file; give a frozen graph"),
        ("mo --data_type=INT8", "mo: --data_type 'INT8': expected one of FP16, FP32, half, float"),
        ("mo --framework=caffe", "--framework 'caffe': expected one of tf, tensorflow"),
        ("tflite_convert --keras_model_file=m.h5", "tflite_convert: nothing to convert; give"),
    ],
)
def test_what_cannot_be_converted(command: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        recipe_of(command)
    assert message in str(raised.value)
