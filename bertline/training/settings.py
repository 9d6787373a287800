"""Settings of the training loop. No TensorFlow, no Keras."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bertline.config import Config, Seed
from bertline.modeling.config import QuantizationSpec

Count = Annotated[int, Field(gt=0)]
Precision = Literal["auto", "float32", "bfloat16"]


class FitSettings(Config):
    """How long, how fast and how reproducibly to train.

    learning_rate: the peak, after warmup_fraction of all steps. save_checkpoints_steps: steps
    between checkpoints. precision: "auto" takes bfloat16 where the hardware gains by it.
    max_steps: ends training earlier than num_epochs. gradient_accumulation_steps: how many batches
    make one update; recompute: layers are computed again for their gradients instead of being
    remembered. Both save memory for time. dropout: whether it is as the encoder's config says, or
    none is.
    """

    num_epochs: Count = 3
    batch_size: Count = 32
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    save_checkpoints_steps: Count = 200
    precision: Precision = "auto"
    seed: Seed = 1
    max_steps: Count | None = None
    gradient_accumulation_steps: Count = 1
    dropout: bool = True
    recompute: bool = False

    @field_validator("recompute")
    @classmethod
    def _draws_nothing_twice(cls, recompute: bool, info: ValidationInfo) -> bool:
        if recompute and info.data.get("dropout"):
            raise ValueError("other values would be dropped the second time; set dropout to false")
        return recompute


class TeacherWeights(Config):
    """How much each loss counts where a float network teaches a quantized one.

    labels: that of the training labels. outputs: the divergence of each output's distribution.
    hidden: the mean square difference of the last layer.
    """

    labels: Annotated[float, Field(ge=0)] = 0.2
    outputs: Annotated[float, Field(ge=0)] = 1.0
    hidden: Annotated[float, Field(ge=0)] = 1.0


class QuantizationSettings(QuantizationSpec):
    """How quantization joins in training.

    ranges: "moving_average" of the least and largest values, fixed "percentile", or learnt: "pact"
    moves bounds by what lies beyond them, "lsq" by errors of rounding too. momentum: of the moving
    average. percentile: of values within, where ranges are percentiles. without_first:
    patterns of sites whose ranges disregard it; "auto": those where it reaches twice as far as all
    others. calibration_batches: of training examples, that ranges are taken from at first.
    range_learning_rate: of the logarithms of learnt bounds. quant_delay: ranges are taken from the
    first steps instead, as many as this, and values are rounded after them. quantize_training,
    quantize_evaluation: where at all.
    """

    ranges: Literal["moving_average", "percentile", "pact", "lsq"] = "lsq"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    percentile: Annotated[float, Field(gt=50, lt=100)] = 99.99
    without_first: Literal["auto"] | tuple[str, ...] = "auto"
    calibration_batches: Count = 6
    range_learning_rate: Annotated[float, Field(gt=0)] = 4e-3
    quant_delay: Annotated[int, Field(ge=0)] = 0
    quantize_training: bool = True
    quantize_evaluation: bool = True

    def of_network(self) -> QuantizationSpec:
        """What of it belongs to the trained network."""
        return QuantizationSpec(float_sites=self.float_sites)
