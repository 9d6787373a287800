"""The parent's side of the peers: what they are given, and whether they compute the same."""

import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.calls import Calls
from benchmarks.child import ROOT
from benchmarks.speed import NNCF, SAME, STATIC, TORCH
from benchmarks.worker import Worker
from bertline.evaluation.predictors import Logits
from bertline.features.batches import FeatureSet
from bertline.modeling.checkpoints.huggingface import write_checkpoint
from bertline.modeling.config import ModelSpec
from bertline.modeling.weights import load_weights, save_weights

STATIC_LENGTH = 48
TOLERANCE = 1e-4

# Where benchmarks.peers puts what it converted.
FLOAT32, INT8 = "float32", "int8"


def convert(folder: Path, model: Path, calibration: FeatureSet, python: str) -> bool:
    """Fills the new `folder` with what the peers open, of the weights of a model folder.

    calibration: the utterances for int8. python: the peers' interpreter; where it is missing or
    lacks a package, says so and returns False.
    """
    folder.mkdir()
    weights = load_weights(model / "weights.safetensors")
    write_checkpoint(folder, ModelSpec.read(model).encoder, weights)
    head = {name: value for name, value in weights.items() if not name.startswith("encoder/")}
    save_weights(head, folder / "head.safetensors")
    Calls.of(calibration, _real, np.int64).write(folder / "calibration.npz")
    print("converting and quantizing with the peers' packages")
    command = [python, "-m", "benchmarks.peers", str(folder)]
    try:
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        print(f"PyTorch and Hugging Face → OpenVINO → NNCF are left out: {python} failed ({said})")
        return False
    return True


def check(folder: Path, model: Path, test: FeatureSet, threads: int, python: str) -> None:
    """Prints how far the float32 logits of a converted `folder` are from ours, in padded batches.

    model: the folder of our weights. Raises SystemExit where it is more than TOLERANCE.
    """
    calls, theirs = Calls.of(test), Calls.of(test, dtype=np.int64)
    with closing(Worker("keras", model, "keras", calls, threads)) as keras:
        expected = keras.logits()
    masks = [batch["input_mask"] == 1 for batch in calls.batches]
    for opener in ("torch", "openvino"):
        with closing(Worker(opener, folder, FLOAT32, theirs, threads, python)) as peer:
            difference = largest_difference(expected, peer.logits(), masks)
        print(f"logits of {opener} float32 differ from ours by at most {difference:.1e}")
        if difference > TOLERANCE:
            raise SystemExit(f"that is more than {TOLERANCE}: not the same model, nothing is timed")


def largest_difference(
    ours: Sequence[Logits], theirs: Sequence[Logits], masks: Sequence[NDArray[np.bool_]]
) -> float:
    """The largest absolute difference of the texts' logits and of those of unmasked tokens."""
    return max(
        float(difference[mask].max() if difference.ndim == 3 else difference.max())
        for one, other, mask in zip(ours, theirs, masks, strict=True)
        for difference in (np.abs(logits - other[name]) for name, logits in one.items())
    )


def start(folder: Path, test: FeatureSet, threads: int, python: str) -> dict[str, Worker]:
    """The peers that a converted `folder` holds, by name."""

    def worker(opener: str, name: str, calls: Calls) -> Worker:
        return Worker(opener, folder, name, calls, threads, python)

    real = Calls.of(test, _real, np.int64)
    return {
        TORCH: worker("torch", FLOAT32, real),
        NNCF: worker("openvino", INT8, real),
        SAME: worker("openvino", INT8, Calls.of(test, dtype=np.int64)),
        STATIC: worker(
            "openvino", INT8, Calls.of(test, lambda longest, rows: STATIC_LENGTH, np.int64)
        ),
    }


def _real(longest: int, rows: int) -> int:
    return longest
