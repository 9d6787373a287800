"""What test_jax runs under KERAS_BACKEND=jax: the stage finetune on one device and on several."""

import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import tensorflow as tf  # noqa: F401 - Keras imports it to seed it; before the forks, so once

from bertline.artifacts import write_json
from bertline.features.records import read_features
from bertline.modeling.model import build_model
from bertline.modeling.sites import FixedSites
from bertline.modeling.weights import Tensors, assign, load_weights, save_weights
from bertline.stages.finetune import Settings, run
from bertline.training import batches
from bertline.training.quantize import quantize
from bertline.training.settings import QuantizationSettings, TeacherWeights
from tests.modeling.toys import batch_of
from tests.training import test_optimizers
from tests.training.toys import SPEC

# Of 36 examples four batches of one shape, since each is compiled; two devices cannot halve them.
SETTINGS = Settings(
    num_epochs=4, batch_size=9, learning_rate=0.02, save_checkpoints_steps=10, precision="float32"
)
LAST_STEP = "step-00000016"
BATCH = batch_of([2, 9, 8, 12, 3], [2, 7, 3], length=8)


def train(folder: Path, name: str, rows: int, work: str = "") -> None:
    """Trains in this process, which gets so many rows of a batch, and writes folder/name/model."""
    seen: set[int] = set()
    own_rows = batches.own_rows

    def noted(*batch: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        share = own_rows(*batch)
        seen.update(len(array) for part in share for array in part.values())
        return share

    with mock.patch.object(batches, "own_rows", noted):
        run(
            SETTINGS,
            encoder=folder / "encoder",
            features=folder / "features",
            model=folder / name / "model",
            work=folder / (work or name) / "work",
        )
    assert seen == {rows}


def started(folder: Path, name: str, rows: int, variables: dict[str, str]) -> int:
    """The id of a process that trains with these variables of the environment.

    It is forked, since importing Keras takes longest, and before JAX looks for devices.
    """
    process = os.fork()
    if process == 0:
        os.environ.update(variables)
        train(folder, name, rows)
        sys.exit()
    return process


def ended(process: int) -> None:
    assert os.waitpid(process, 0)[1] == 0


def train_on_two_devices(folder: Path) -> None:
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    ended(started(folder, "two_devices", 10, {"XLA_FLAGS": flags}))


def train_on_two_hosts(folder: Path) -> None:
    """Two processes continue what two devices of one began."""
    shutil.copytree(folder / "two_devices/work", folder / "two_hosts/work")
    forget_last_step(folder / "two_hosts/work")
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    job = {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"localhost:{port}",
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    }
    numbered = [job | {"KERAS_DISTRIBUTION_PROCESS_ID": number} for number in "01"]
    hosts = [started(folder, "two_hosts", 5, variables) for variables in numbered]
    for host in hosts:
        ended(host)


def forget_last_step(work: Path) -> None:
    """Leaves what a run that was killed after step 10 would have left."""
    [last] = work.glob(f"*/{LAST_STEP}")
    shutil.rmtree(last)


def quantize_one(folder: Path, weights: Tensors) -> None:
    """Calibration and two steps, with layers computed again; its weights, ranges and logits."""
    settings = SETTINGS.model_copy(
        update={"learning_rate": 1e-3, "max_steps": 2, "dropout": False, "recompute": True}
    )
    train, dev = (read_features(folder / "features", split) for split in ("train", "dev"))
    quantized, ranges, _ = quantize(
        SPEC, weights, train, dev, settings, QuantizationSettings(), TeacherWeights(), folder / "q"
    )
    model = build_model(SPEC, sites=FixedSites(ranges))
    assign(model.trainable_variables, quantized, where="quantized")
    save_weights(quantized, folder / "quantized.safetensors")
    save_weights(model.predict_on_batch(BATCH), folder / "quantized_logits.safetensors")
    write_json(folder / "ranges.json", ranges)


def main(folder: Path) -> None:
    """Reads the artifacts in `folder`; writes models beside them, and logits.safetensors."""
    assert keras.backend.backend() == "jax"
    train_on_two_devices(folder)
    train_on_two_hosts(folder)
    test_optimizers.test_two_steps_by_hand()
    test_optimizers.test_gradients_are_clipped_together()
    train(folder, "undisturbed", 9)
    forget_last_step(folder / "undisturbed/work")
    train(folder, "continued", 9, work="undisturbed")
    model = build_model(SPEC)
    weights = load_weights(folder / "undisturbed/model/weights.safetensors")
    assign(model.trainable_variables, weights, where="trained")
    save_weights(model.predict_on_batch(BATCH), folder / "logits.safetensors")
    quantize_one(folder, weights)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
