"""Results by intent and by slot label."""

from collections import Counter
from collections.abc import Sequence

from bertline.evaluation.metrics import Counts, Tagged, metrics_of, percent, spans
from bertline.evaluation.results import IntentRow, SlotRow


def confusion_matrix(
    gold: Sequence[Tagged], answers: Sequence[Tagged], intents: Sequence[str]
) -> tuple[tuple[int, ...], ...]:
    """Numbers of examples, one row a true intent and one column an answered one."""
    pairs = Counter(
        (truth.intent, answer.intent) for truth, answer in zip(gold, answers, strict=True)
    )
    return tuple(tuple(pairs[true, answered] for answered in intents) for true in intents)


def intent_table(
    gold: Sequence[Tagged], answers: Sequence[Tagged], counts: Counts, intents: Sequence[str]
) -> tuple[IntentRow, ...]:
    """One row for each of `intents`; `counts` are those of `gold` and `answers`."""
    answered = Counter(answer.intent for answer in answers)
    rows = []
    for intent in intents:
        of_intent = counts[[truth.intent == intent for truth in gold]]
        values = metrics_of(of_intent, ["intent_accuracy", "slot_f1", "sentence_accuracy"])
        rows.append(
            IntentRow(
                intent=intent,
                gold=len(of_intent),
                answered=answered[intent],
                accuracy=values["intent_accuracy"],
                slot_f1=values["slot_f1"],
                sentence_accuracy=values["sentence_accuracy"],
            )
        )
    return tuple(rows)


def slot_table(gold: Sequence[Tagged], answers: Sequence[Tagged]) -> tuple[SlotRow, ...]:
    """One row for each slot label that the truth or an answer has, by name."""
    in_gold: Counter[str] = Counter()
    in_answers: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for truth, answer in zip(gold, answers, strict=True):
        true_spans, answer_spans = set(spans(truth.tags)), set(spans(answer.tags))
        in_gold.update(span.label for span in true_spans)
        in_answers.update(span.label for span in answer_spans)
        right.update(span.label for span in true_spans & answer_spans)
    return tuple(
        SlotRow(
            label=label,
            gold=in_gold[label],
            answered=in_answers[label],
            right=right[label],
            precision=float(percent(right[label], in_answers[label])),
            recall=float(percent(right[label], in_gold[label])),
            f1=float(percent(2 * right[label], in_answers[label] + in_gold[label])),
        )
        for label in sorted(in_gold | in_answers)
    )
