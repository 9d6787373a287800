from bertline.evaluation.gate import Gate, judge
from bertline.evaluation.reporting.model_card import render_model_card
from bertline.features.spec import InputSpec
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.bert.config import BertConfig
from tests.evaluation.sample_results import make_file, make_results

SPEC = ModelSpec(
    task="snips",
    head="intent_slots",
    encoder=BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
    ),
    labels={"intents": ["PlayMusic", "RateBook"], "tags": ["O", "B-genre", "I-genre"]},
    inputs=InputSpec(max_seq_length=64),
)


def test_tells_what_the_model_is_for_and_how_good_it_is() -> None:
    results = make_results(make_file("saved_model"), make_file("openvino_int8", 94.1, drop=0.9))
    card = render_model_card(SPEC, results, judge(Gate(maximum_drop={"slot_f1": 0.5}), results))
    lines = card.splitlines()
    assert "The gate says: **not blessed**." in lines
    assert "- Intents: PlayMusic, RateBook" in lines
    assert "- Slots: genre" in lines
    assert "- counts.train: 13,084" in lines
    assert (
        "| openvino_int8 | 94.10 | 99.00 | 89.00 | 0.90 (0.50 to 1.30) | 5.00 | 10.00 | 23.7 MB "
        "| AVX2 | fail |"
    ) in lines
    assert "| openvino_int8 | 94.00 | 98.90 | 88.90 |" in lines
    for heading in ("Intended use", "Data", "Results", "Limits", "Licence", "Environment"):
        assert f"## {heading}" in lines


def test_a_blessed_card_has_no_reasons() -> None:
    results = make_results(make_file("saved_model"))
    card = render_model_card(SPEC, results, judge(Gate(), results))
    assert "The gate says: **blessed**.\n\n\n## Intended use" in card


def test_labels_are_shown_as_they_are() -> None:
    """Labels come from data: they are no headings, tables, links or HTML."""
    intents = ["<b>Play</b>", "a|b", "[x](javascript:y)", "two\n# lines", "snake_case", "A & B"]
    spec = SPEC.model_copy(update={"labels": {**SPEC.labels, "intents": intents}})
    results = make_results(make_file("saved_model"))
    card = render_model_card(spec, results, judge(Gate(), results))
    (line,) = [line for line in card.splitlines() if line.startswith("- Intents: ")]
    assert line == (
        r"- Intents: &lt;b&gt;Play&lt;/b&gt;, a\|b, \[x\]\(javascript:y\), two \# lines, "
        r"snake\_case, A &amp; B"
    )
