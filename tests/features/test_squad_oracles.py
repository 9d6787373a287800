"""Windows and answers against the outputs of the BERT paper's own code, without exceptions."""

from pathlib import Path

import numpy as np
import pytest

from bertline.features.spans import decode_question
from bertline.features.windows import encode_question_examples
from tests.features import squad_oracle

# Key of the prediction → null_threshold.
THRESHOLDS: dict[str, dict[str, float | None]] = {
    "v11_eval": {"prediction": None},
    "v20_eval": {"prediction_threshold_0": 0.0, "prediction_threshold_m1_5": -1.5},
}


@pytest.mark.real
@pytest.mark.parametrize(("max_seq_length", "doc_stride"), squad_oracle.LENGTHS)
@pytest.mark.parametrize("group", squad_oracle.GROUPS)
def test_windows_are_those_of_the_reference(
    shared: Path, group: str, max_seq_length: int, doc_stride: int
) -> None:
    examples = squad_oracle.questions(shared, group)
    tokenizer = squad_oracle.base_tokenizer()
    lengths = max_seq_length, doc_stride, squad_oracle.MAX_QUERY_LENGTH
    records = encode_question_examples(tokenizer, examples, *lengths, "words")
    rows = squad_oracle.rows(shared, "squad_features.jsonl.gz", group, max_seq_length)
    for record, row in zip(records, rows, strict=True):
        length = sum(row["input_mask"])
        word_ids = {int(token): word for token, word in row["token_to_orig_map"].items()}
        best = {int(token): flag for token, flag in row["token_is_max_context"].items()}
        expected = {
            "input_ids": row["input_ids"][:length],
            "segment_ids": row["segment_ids"][:length],
            "word_ids": [word_ids.get(token, 0) for token in range(length)],
            "max_context": [int(best.get(token, False)) for token in range(length)],
            "num_tokens": [length],
        }
        if group.endswith("train"):
            expected["start_position"] = [row["start_position"]]
            expected["end_position"] = [row["end_position"]]
        assert record.id == row["qas_id"]
        assert {name: record[name].tolist() for name in expected} == expected


@pytest.mark.real
@pytest.mark.parametrize(("max_seq_length", "doc_stride"), squad_oracle.LENGTHS)
@pytest.mark.parametrize("group", list(THRESHOLDS))
def test_answers_are_those_of_the_reference(
    shared: Path, group: str, max_seq_length: int, doc_stride: int
) -> None:
    tokenizer = squad_oracle.base_tokenizer()
    all_logits = np.load(shared / "oracle" / "squad_logits.npz")[f"{group}_{max_seq_length}"]
    examples = squad_oracle.questions(shared, group)
    lengths = max_seq_length, doc_stride, squad_oracle.MAX_QUERY_LENGTH
    records = encode_question_examples(tokenizer, examples, *lengths, "words")
    by_id = {example.id: example for example in examples}
    thresholds = THRESHOLDS[group]
    rows = list(squad_oracle.rows(shared, "squad_answers.jsonl.gz", group, max_seq_length))
    assert len(rows) == len(examples)
    for row in rows:
        numbers = [number for number, r in enumerate(records) if r.id == row["qas_id"]]
        context = by_id[row["qas_id"]].context
        windows = [records[number] for number in numbers]
        starts, ends = all_logits[numbers].transpose(1, 0, 2)
        for key, threshold in thresholds.items():
            answer = decode_question(
                tokenizer, context, windows, list(starts), list(ends), null_threshold=threshold
            )
            assert answer.text == row[key]
            texts = [(each.text, each.start_logit, each.end_logit) for each in answer.n_best]
            assert texts == [(text, start, end) for text, _, start, end in row["n_best"]]
            probabilities = [each.probability for each in answer.n_best]
            assert probabilities == pytest.approx([p for _, p, _, _ in row["n_best"]], rel=1e-6)
            assert answer.null_odds == (
                None if threshold is None else pytest.approx(row["null_odds"], rel=1e-6)
            )
