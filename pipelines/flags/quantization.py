"""Flags of quantization, in training and after it, and what they are in a recipe."""

from typing import Any

from pipelines.flags.flag import BOOLEAN, WHOLE, Combined, Flag, Kind, Values


def _eight(text: str) -> int:
    if int(text) != 8:
        raise ValueError
    return 8


BITS = Kind("8, the only width there is", _eight, ("8",))
STAGE = "true: the stage, after finetune, and the formats of the recipe snips-qat"
FORMATS = ("litert_integer", "openvino_int8")
SWITCHES = ("quantize", "use_quantized_training", "activation_quantization")

DELAY = Flag(
    "quant_delay",
    WHOLE,
    "finetune.quantization.quant_delay",
    combined=True,
    note="quantization joins in finetune after this many steps; there is no stage quantize then",
)
QUANTIZE = Flag("quantize", BOOLEAN, "quantize", combined=True, note=STAGE)
QUANTIZED_TRAINING = Flag("use_quantized_training", BOOLEAN, "quantize", combined=True, note=STAGE)
WIDTHS = (
    Flag("weight_bits", BITS, note="always 8, by output channel"),
    Flag("activation_bits", BITS, note="always 8"),
)
POST_QUANTIZATION = Flag(
    "use_post_quantization",
    BOOLEAN,
    "export.formats",
    combined=True,
    note="true: litert_dynamic_int8 alone; false: all formats",
)
ACTIVATION_QUANTIZATION = Flag(
    "activation_quantization",
    BOOLEAN,
    "export.formats",
    combined=True,
    note="true: litert_integer alone, whose ranges the stage quantize finds",
)


def quantization(values: Values) -> Combined:
    """The settings of quantization in training, and the formats of export.

    A delay alone asks for it too, unless a switch is off.
    """
    switches = [values[name] for name in SWITCHES if name in values]
    delay = values.get("quant_delay")
    if not any(switches or [delay is not None]):
        left_out = () if delay is None else ("--quant_delay: nothing is quantized",)
        return formats(values) | Combined(notes=left_out)
    training: dict[str, Any]
    if delay is not None:
        training = {"finetune.quantization": {"quant_delay": delay}}
    else:
        # What fitted in memory there has to fit here too, where a second network teaches.
        training = {"quantize.batch_size": values.get("train_batch_size", 32)}
    return Combined(training) | formats(values, trained=True)


def formats(values: Values, trained: bool = False) -> Combined:
    """The formats of export of what is quantized; trained: in training."""
    if values.get("activation_quantization"):
        return Combined({"export.formats": ("litert_integer",)})
    if values.get("use_post_quantization"):
        return Combined({"export.formats": ("litert_dynamic_int8",)})
    return Combined({"export.formats": FORMATS} if trained else {})
