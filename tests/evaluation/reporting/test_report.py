import re
from html.parser import HTMLParser

from bertline.evaluation.gate import Gate, judge
from bertline.evaluation.reporting.report import flat, render_report
from tests.evaluation.sample_results import make_file, make_results

VOID = {"meta", "img"}
HISTORY = [
    {"step": 10, "epoch": 0.5, "loss": 2.0, "learning_rate": 1e-4},
    {"step": 20, "epoch": 1.0, "loss": 1.0, "dev_loss": 0.9, "dev_intent_accuracy": 0.8},
]


class Page(HTMLParser):
    """Checks that tags nest and gathers the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.images: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs)["src"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def render(blessed: bool = True) -> str:
    results = make_results(make_file("saved_model"), make_file("openvino_int8", drop=0.7))
    gate = Gate(maximum_drop={"slot_f1": 1.0 if blessed else 0.5})
    return render_report(results, judge(gate, results), HISTORY)


def test_holds_everything_within_itself() -> None:
    html = render()
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|@import|<script|<link", html)
    assert [image[:26] for image in Page(html).images] == ["data:image/svg+xml;base64,"] * 2


def test_tells_the_verdict_with_reasons() -> None:
    assert "BLESSED: 2 of 2 exported files pass" in Page(render()).text
    text = Page(render(blessed=False)).text
    assert "NOT BLESSED, for 1 reason:" in text
    assert "openvino_int8: slot F1 is 0.70 points below the training model's" in text


def test_shows_what_the_stages_cost() -> None:
    text = Page(render()).text
    for shown in ("finetune", "71.2", "123.5", "6.5", "1,433,590", "1894.0 MB"):
        assert shown in text


def test_shows_every_file_and_where_numbers_come_from() -> None:
    text = " ".join(Page(render()).text.split())
    for shown in (
        "keras",
        "saved_model",
        "openvino_int8",
        "0.70 (0.30 to 1.10)",
        "23.7 MB",
        "AVX2",
    ):
        assert shown in text
    for shown in ("a fast one", "gate.minimum.slot_f1", "13,084", "96.43", "PlayMusic"):
        assert shown in text


def test_texts_of_users_are_escaped() -> None:
    html = render()
    assert "samples/&lt;snips&gt; &amp; more" in html
    assert "<snips>" not in html


def test_does_without_a_history() -> None:
    results = make_results(make_file("saved_model"))
    html = render_report(results, judge(Gate(), results))
    assert len(Page(html).images) == 1


def test_equal_results_give_equal_pages() -> None:
    assert render() == render()


def test_flat() -> None:
    values = {
        "a": {"b": 1000, "c": {"d": [1, 2]}},
        "e": None,
        "h": [],
        "f": list(range(40)),
        "g": 0.5,
        "i": True,
    }
    assert flat(values) == {
        "a.b": "1,000",
        "a.c.d": "1, 2",
        "f": "40 entries",
        "g": "0.5",
        "i": "True",
    }
