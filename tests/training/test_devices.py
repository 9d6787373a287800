from pathlib import Path

import keras
import numpy as np
import pytest

from bertline.errors import ConfigError
from bertline.training import devices
from bertline.training.devices import (
    all_devices,
    dtype_policy,
    has_bfloat16,
    make_reproducible,
)


def test_policies_are_keras_names() -> None:
    assert dtype_policy("float32") == "float32"
    assert dtype_policy("bfloat16") == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx512f avx512_bf16 sse", True), ("fpu amx_bf16", True), ("fpu avx512f", False)],
)
def test_auto_asks_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, expected: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(devices, "accelerators", list)
    monkeypatch.setattr(devices, "Path", lambda path: tmp_path / path.removeprefix("/proc/"))
    assert has_bfloat16() is expected
    assert dtype_policy("auto") == ("mixed_bfloat16" if expected else "float32")
    (tmp_path / "cpuinfo").unlink()
    assert not has_bfloat16()
    monkeypatch.setattr(devices, "accelerators", lambda: ["gpu:0"])
    assert has_bfloat16()


def test_a_processor_is_no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0", "CPU:1", "tpu:0"])
    assert devices.accelerators() == ["tpu:0"]


def test_a_seed_fixes_what_is_random() -> None:
    def draw() -> list[float]:
        make_reproducible(5)
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        values: list[float] = np.asarray(layer.kernel).ravel().tolist()
        return values

    assert draw() == draw()


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (["cpu:0"], ""),
        (["gpu:0"], ""),
        (
            ["gpu:0", "gpu:1"],
            "warning: 2 GPUs are seen, TensorFlow trains on one; KERAS_BACKEND=jax uses all\n",
        ),
    ],
)
def test_tensorflow_tells_that_it_uses_one_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seen: list[str], told: str
) -> None:
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: seen)
    with all_devices():
        assert keras.distribution.distribution() is None
    assert capsys.readouterr().err == told


def test_tensorflow_refuses_several_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "4")
    with pytest.raises(ConfigError, match=r"NUM_PROCESSES=4: training on several hosts needs JAX"):
        all_devices()
