import base64
from xml.etree import ElementTree

import pytest

from bertline.evaluation.reporting.plots import quality_plot, training_plot
from tests.evaluation.sample_results import make_file, make_results

PREFIX = "data:image/svg+xml;base64,"


def svg(address: str) -> ElementTree.Element:
    assert address.startswith(PREFIX)
    return ElementTree.fromstring(base64.b64decode(address.removeprefix(PREFIX)))


def test_quality_plot_is_an_svg_with_a_bubble_for_each_file() -> None:
    one = svg(quality_plot(make_results(make_file("openvino_int8"))))
    two = svg(quality_plot(make_results(make_file("openvino_int8"), make_file("saved_model"))))
    assert one.tag.endswith("svg")

    def collections(root: ElementTree.Element) -> int:
        return sum("PathCollection" in element.get("id", "") for element in root.iter())

    assert collections(two) > collections(one) >= 2


@pytest.mark.parametrize(
    "entries",
    [
        [{"step": 1, "epoch": 1.0, "loss": 2.0, "dev_loss": 1.0, "dev_intent_accuracy": 0.5}],
        [{"step": 1, "epoch": 0.5, "loss": 2.0}, {"step": 2, "epoch": 1.0, "loss": 1.0}],
    ],
)
def test_training_plot_takes_what_there_is(entries: list[dict[str, float]]) -> None:
    assert svg(training_plot(entries)).tag.endswith("svg")
