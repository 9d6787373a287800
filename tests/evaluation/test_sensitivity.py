import math
from pathlib import Path

import numpy as np
import pytest

from bertline.evaluation.bench import divergence
from bertline.evaluation.reporting.plots import sensitivity_plot
from bertline.evaluation.sensitivity import Outlier, Sensitivity, SiteCost, Trial

HALVES, QUARTERS = np.log([0.5, 0.5]), np.log([0.25, 0.75])
OUTLIER = Outlier(
    site="layer_0/output_sum", channel=99, size=225.0, usual=18.0, token="[CLS]", position=0
)


def sensitivity(chosen: tuple[str, ...] | None) -> Sensitivity:
    return Sensitivity(
        examples=3,
        trial_examples=9,
        max_drop=0.5,
        reference={"slot_f1": 95.0, "intent_accuracy": 99.0},
        base=0.0001,
        sites=(
            SiteCost(site="layer_0/output_sum", divergence=0.25, drops={"slot_f1": 1.5}),
            SiteCost(site="embeddings", divergence=0.0002, drops={"slot_f1": 0.0}),
        ),
        outliers=(OUTLIER,),
        trials=(Trial(float_sites=("embeddings",), drops={"slot_f1": 0.1}, passed=True),),
        always_float=("softmax", "head"),
        chosen=chosen,
    )


def test_divergence_is_that_of_the_answers() -> None:
    halves_to_quarters = 0.5 * math.log(2) + 0.5 * math.log(2 / 3)
    # A softmax does not see a shift.
    first = [{"intent_logits": HALVES + 7, "slot_logits": np.stack([QUARTERS, HALVES])}]
    second = [{"intent_logits": HALVES, "slot_logits": np.stack([QUARTERS, QUARTERS])}]
    found = divergence(first, second)
    assert found == pytest.approx((0 + halves_to_quarters / 2) / 2)
    assert divergence(first, first) == 0


def test_the_analysis_reads_as_it_was_written(tmp_path: Path) -> None:
    found = sensitivity(("embeddings",))
    found.write(tmp_path)
    assert Sensitivity.read(tmp_path) == found


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (("embeddings",), "BLESSED: within 0.5 points on 9 dev examples, left float: embeddings"),
        ((), "BLESSED: within 0.5 points on 9 dev examples, left float: nothing more"),
        (None, "NOT BLESSED: no setting is within 0.5 points on 9 dev examples"),
    ],
)
def test_the_verdict_is_told_with_what_led_to_it(chosen: tuple[str, ...] | None, told: str) -> None:
    text = " ".join(sensitivity(chosen).lines())
    assert told in text
    assert "layer_0/output_sum: channel 99 reaches 225.0 at [CLS] (position 0)" in text
    assert "+1.50" in text


def test_float_sites_of_the_file_are_the_usual_and_the_chosen_ones() -> None:
    assert sensitivity(()).float_sites[-1] == "head"
    assert sensitivity(("layer_3/output",)).float_sites[-1] == "layer_3/output"
    assert sensitivity(None).float_sites[-1] == "embeddings"


def test_the_plot_names_every_site() -> None:
    svg = sensitivity_plot(sensitivity(None))
    assert svg.startswith("<?xml")
    assert "layer_0/output_sum" in svg
