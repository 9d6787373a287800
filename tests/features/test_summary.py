from bertline.features.summary import summary_lines

ABOUT = {
    "counts": {"train": 200, "dev": 10, "test": 0},
    "truncated": {"train": 25, "dev": 0, "test": 0},
    "tokens": {"train": 1000, "dev": 100, "test": 0},
    "unknown": {"train": 99, "dev": 3, "test": 0},
}


def test_shares_of_truncated_records_and_of_unknown_tokens() -> None:
    assert summary_lines(ABOUT) == [
        "truncated: 12.5 % of train, 0.0 % of dev; [UNK] among tokens: 9.9 % of train, 3.0 % of dev"
    ]


def test_a_tenth_of_unknown_tokens_is_warned_of() -> None:
    about = {**ABOUT, "unknown": {"train": 100, "dev": 93, "test": 0}}
    assert summary_lines(about)[1:] == [
        "warning: 10.0 % of the tokens of train are [UNK]: the vocabulary does not know this text; "
        "take a checkpoint of its language",
        "warning: 93.0 % of the tokens of dev are [UNK]: the vocabulary does not know this text; "
        "take a checkpoint of its language",
    ]
