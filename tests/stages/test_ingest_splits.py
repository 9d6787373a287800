from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bertline.errors import ConfigError
from bertline.examples import Example, TaggedText
from bertline.stages import ingest


def utterances(texts: Sequence[str]) -> list[Example]:
    return [TaggedText(str(row), text, "Play", ()) for row, text in enumerate(texts)]


def contents(examples: Sequence[Example]) -> list[str]:
    return [example.content for example in examples]


@given(
    st.lists(st.sampled_from(["a", "A ", "b", "c", "d", "e", "f"]), min_size=2, max_size=30),
    st.integers(1, 15),
)
def test_dev_shares_no_text_with_training_and_order_is_kept(
    texts: list[str], dev_size: int
) -> None:
    examples = utterances(texts)
    groups = Counter(text.strip().lower() for text in texts)
    if dev_size > len(examples) // 2 or dev_size < min(groups.values()):
        with pytest.raises(ConfigError):
            ingest.hold_out(examples, dev_size)
        return
    train, dev = ingest.hold_out(examples, dev_size)
    assert sorted([*train, *dev], key=examples.index) == examples
    assert train == sorted(train, key=examples.index)
    assert 0 < len(dev) <= dev_size
    in_train, in_dev = ({text.strip().lower() for text in contents(part)} for part in (train, dev))
    assert not in_train & in_dev


def test_dev_depends_on_texts_alone() -> None:
    texts = [f"utterance {number}" for number in range(100)]
    chosen = set(contents(ingest.hold_out(utterances(texts), 20)[1]))
    again = set(contents(ingest.hold_out(utterances(texts[::-1]), 20)[1]))
    assert chosen == again
    assert len(chosen) == 20


def test_a_subset_depends_on_texts_alone_and_keeps_their_order() -> None:
    texts = [f"utterance {number}" for number in range(20)]
    chosen = contents(ingest.subset(utterances(texts), 7))
    assert chosen == [text for text in texts if text in chosen]
    assert contents(ingest.subset(utterances(texts[::-1]), 7)) == chosen[::-1]
    assert set(chosen) < set(contents(ingest.subset(utterances(texts), 8)))
    assert contents(ingest.subset(utterances(texts), 21)) == texts
    assert contents(ingest.subset(utterances(texts), None)) == texts


@pytest.mark.parametrize(("count", "held"), [(2, 1), (4, 1), (100, 25), (2800, 700), (3000, 700)])
def test_dev_is_by_default_a_quarter_or_700(count: int, held: int) -> None:
    examples = utterances([f"utterance {number}" for number in range(count)])
    assert len(ingest.hold_out(examples, None)[1]) == held
    if held == 700:
        assert ingest.hold_out(examples, None) == ingest.hold_out(examples, 700)


def test_by_default_dev_may_be_half_where_that_must_stay_together() -> None:
    examples = utterances(["a"] * 4 + ["b"] * 5)
    assert contents(ingest.hold_out(examples, None)[1]) == ["a"] * 4
    with pytest.raises(ConfigError, match="of 9 training examples 9 or more must stay together"):
        ingest.hold_out(utterances(["a"] * 9), None)


def test_dev_may_be_a_share() -> None:
    examples = utterances([f"utterance {number}" for number in range(50)])
    assert ingest.hold_out(examples, 0.1) == ingest.hold_out(examples, 5)
