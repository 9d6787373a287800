"""Settings of the training loop. No TensorFlow, no Keras."""

from typing import Annotated, Literal

from pydantic import Field

from bertline.config import Config

Precision = Literal["auto", "float32", "bfloat16"]


class FitSettings(Config):
    """How long, how fast and how reproducibly to train.

    learning_rate: the peak, after warmup_fraction of all steps. save_checkpoints_steps: steps
    between checkpoints. precision: "auto" takes bfloat16 where the hardware gains by it.
    """

    num_epochs: Annotated[int, Field(gt=0)] = 3
    batch_size: Annotated[int, Field(gt=0)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 5e-5
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    save_checkpoints_steps: Annotated[int, Field(gt=0)] = 200
    precision: Precision = "auto"
    seed: int = 1
