"""What the machine computes with: precision, reproducibility, one device or all of them."""

import contextlib
import functools
import os
import sys
from pathlib import Path

import keras

from bertline.errors import ConfigError
from bertline.training.settings import Precision

_NUM_PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"


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


@functools.cache
def length_multiple() -> int:
    """The multiple to which the length of a training batch is rounded up.

    Accelerators prefer 8, and JAX compiles every length. TensorFlow on a CPU runs any length, so
    that padding is all that rounding adds: in batches of short utterances a fifth of the tokens.
    """
    return 2 if keras.backend.backend() == "tensorflow" and not accelerators() else 8


def all_devices() -> contextlib.AbstractContextManager[None]:
    """A scope in which models are made and trained on every device that is seen, data parallel.

    Where $KERAS_DISTRIBUTION_NUM_PROCESSES is set, this process first joins the others of the job,
    one a host, at $KERAS_DISTRIBUTION_JOB_ADDRESSES; then their devices are seen too. Only JAX uses
    several: TensorFlow trains on one, which a line on standard error tells, and several processes
    raise ConfigError.
    """
    is_jax = keras.backend.backend() == "jax"
    if _NUM_PROCESSES in os.environ:
        if not is_jax:
            raise ConfigError(
                f"${_NUM_PROCESSES}={os.environ[_NUM_PROCESSES]}: training on several hosts needs "
                "JAX; set KERAS_BACKEND=jax, or leave the variable out"
            )
        keras.distribution.initialize()
    devices = keras.distribution.list_devices()
    if len(devices) == 1:
        return contextlib.nullcontext()
    if not is_jax:
        message = "GPUs are seen, TensorFlow trains on one; KERAS_BACKEND=jax uses all"
        print(f"warning: {len(devices)} {message}", file=sys.stderr)
        return contextlib.nullcontext()
    scope: contextlib.AbstractContextManager[None] = keras.distribution.DataParallel(
        auto_shard_dataset=False
    ).scope()
    return scope


def is_first_process() -> bool:
    """Whether this is the process that writes: the only one, or the first of a job's."""
    if keras.backend.backend() != "jax":
        return True
    import jax

    return jax.process_index() == 0


def make_reproducible(seed: int) -> None:
    """Seeds Python, NumPy and the backend, and asks TensorFlow for deterministic operations.

    TensorFlow also keeps operations apart that it would fuse where nothing else reads their
    results: values do not change by a rounding when something does.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        tf.config.optimizer.set_experimental_options({"remapping": False})
