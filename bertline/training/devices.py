"""What the machine computes with: precision and reproducibility."""

from pathlib import Path

import keras

from bertline.training.settings import Precision


def dtype_policy(precision: Precision) -> str:
    """The Keras dtype policy for `precision`; "auto" is bfloat16 where the hardware multiplies it.

    Weights, their updates, normalization and losses stay float32 in both.
    """
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16() else "float32"
    return "mixed_bfloat16" if precision == "bfloat16" else "float32"


def has_bfloat16() -> bool:
    """Whether matrices are multiplied faster in bfloat16 here: an accelerator or a recent CPU."""
    if accelerators():
        return True
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def accelerators() -> list[str]:
    """Names of the GPUs or TPUs that the Keras backend sees."""
    devices = keras.distribution.list_devices()
    return [name for name in devices if not name.lower().startswith("cpu")]


def make_reproducible(seed: int) -> None:
    """Seeds Python, NumPy and the backend, and asks TensorFlow for deterministic operations."""
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
