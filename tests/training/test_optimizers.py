import contextlib
import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bertline.training.optimizers import BertAdamW, WarmupDecay, decays, remaining
from bertline.training.settings import FitSettings


def variable(path: str, value: Any) -> keras.Variable:
    """A float32 variable of this path."""
    *scopes, name = path.split("/")
    with contextlib.ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(keras.name_scope(scope))
        made = keras.Variable(value, dtype="float32", name=name)
    assert made.path == path
    return made


def test_the_rate_warms_up_and_decays_on_two_lines() -> None:
    schedule = WarmupDecay(peak=0.1, total_steps=10, warmup_steps=4)
    rates = [float(schedule(step)) for step in range(12)]
    # Up by a quarter of the peak; from step 4 on 0.1 · (1 - step / 10), and 0 after the end.
    expected = [0, 0.025, 0.05, 0.075, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0, 0]
    assert rates == pytest.approx(expected, abs=1e-8)


def test_without_warmup_the_rate_starts_at_its_peak() -> None:
    schedule = WarmupDecay(peak=0.1, total_steps=4, warmup_steps=0)
    assert [float(schedule(step)) for step in range(5)] == pytest.approx(
        [0.1, 0.075, 0.05, 0.025, 0]
    )


def test_warmup_must_end_before_training() -> None:
    with pytest.raises(AssertionError, match="4 of 4 steps"):
        WarmupDecay(peak=0.1, total_steps=4, warmup_steps=4)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("encoder/layer_0/attention/query/kernel", True),
        ("encoder/embeddings/words", True),
        ("intent_dense/kernel", True),
        ("intent_dense/bias", False),
        ("output_bias", False),
        ("encoder/embeddings/norm/gamma", False),
        ("encoder/layer_0/output_norm/beta", False),
        ("bert/embeddings/LayerNorm/gamma", False),
    ],
)
def test_biases_and_normalization_do_not_decay(path: str, expected: bool) -> None:
    assert decays(path) is expected


def test_what_decay_leaves_of_a_weight_without_gradient() -> None:
    settings = FitSettings(
        num_epochs=1, batch_size=2, learning_rate=0.1, warmup_fraction=0.5, weight_decay=0.5
    )
    # 7 examples: 4 steps with rates 0, 0.05, 0.05 and 0.025.
    expected = (1 - 0.05 * 0.5) ** 2 * (1 - 0.025 * 0.5)
    assert remaining(settings, 7) == pytest.approx(expected)
    # Of 2 batches each: 2 updates, the first with rate 0. Of 3 batches: the last has too few.
    for together, expected in ((2, 1 - 0.05 * 0.5), (3, 1.0)):
        accumulated = settings.model_copy(update={"gradient_accumulation_steps": together})
        assert remaining(accumulated, 7) == pytest.approx(expected)


def test_two_steps_by_hand() -> None:
    kernel, bias = variable("dense/kernel", [2.0]), variable("dense/bias", [2.0])
    optimizer = BertAdamW(0.1, weight_decay=0.5, beta_1=0.5, beta_2=0.75, epsilon=1.0)
    gradient = np.array([0.25], np.float32)
    # Step 1: m = 0.125, v = 0.015625, and no correction of bias.
    first = 0.1 * 0.125 / (math.sqrt(0.015625) + 1)
    optimizer.apply([gradient, gradient], [kernel, bias])
    assert float(bias.value[0]) == pytest.approx(2 - first)
    assert float(kernel.value[0]) == pytest.approx(2 - 0.1 * 0.5 * 2 - first)
    # Step 2: m = 0.5 · 0.125 + 0.125, v = 0.75 · 0.015625 + 0.015625.
    second = 0.1 * 0.1875 / (math.sqrt(0.02734375) + 1)
    optimizer.apply([gradient, gradient], [kernel, bias])
    assert float(bias.value[0]) == pytest.approx(2 - first - second)


def test_gradients_are_clipped_together() -> None:
    one, two = variable("one/bias", [0.0]), variable("two/bias", [0.0])
    optimizer = BertAdamW(1.0, beta_1=0.0, beta_2=0.0, epsilon=1.0)
    # Of norm 5: divided by 5, then each is g / (|g| + 1).
    optimizer.apply([np.array([3.0], np.float32), np.array([4.0], np.float32)], [one, two])
    assert float(one.value[0]) == pytest.approx(-0.6 / 1.6)
    assert float(two.value[0]) == pytest.approx(-0.8 / 1.8)


@pytest.mark.real
@pytest.mark.parametrize("name", ["bert_adamw", "bert_adamw_nowarmup"])
def test_every_step_is_google_s(shared: Path, name: str) -> None:
    oracle = np.load(shared / "oracle/optimizers.npz")
    facts = json.loads((shared / "oracle/optimizers.json").read_text())
    settings = facts["settings"][name]
    names = [key for key, _ in facts["variables"]]
    variables = [variable(key, oracle[f"init/{key}"]) for key in names]
    schedule = WarmupDecay(
        settings["init_lr"], settings["num_train_steps"], settings["num_warmup_steps"]
    )
    optimizer = BertAdamW(schedule, settings["weight_decay"])
    for step in range(settings["num_train_steps"]):
        gradients = [
            oracle[f"a/{key}"] * (np.asarray(each) - oracle[f"target/{key}"])
            for key, each in zip(names, variables, strict=True)
        ]
        optimizer.apply([gradient.astype("float32") for gradient in gradients], variables)
        for key, each in zip(names, variables, strict=True):
            expected = oracle[f"{name}/param/{key}"][step + 1]
            np.testing.assert_allclose(np.asarray(each), expected, atol=1e-5, err_msg=key)
