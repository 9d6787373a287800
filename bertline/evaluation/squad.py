"""Exact match and F1 of answers to questions, as SQuAD's official evaluation computes them.

Rajpurkar et al. 2016 (arXiv:1606.05250) and 2018 (arXiv:1806.03822). Scores are shares, 0 to 1.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np

from bertline.examples import Question

Version = Literal["1.1", "2.0"]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def scores(question: Question, answer_text: str, version: Version = "2.0") -> tuple[float, float]:
    """Exact match (0 or 1) and F1 of an answer, each against the gold answer that it suits best.

    "" is the answer that there is none, which is right where the question is impossible. The
    versions differ where a gold answer is articles and punctuation alone: v2.0 passes it over.
    """
    golds = [answer.text for answer in question.answers]
    if version == "2.0":
        golds = [gold for gold in golds if normalize(gold)]
    pairs = [(answer_text, gold) for gold in golds or [""]]
    return (
        max(float(exact_match(*pair)) for pair in pairs),
        max(token_f1(*pair, version) for pair in pairs),
    )


def exact_match(answer: str, gold: str) -> bool:
    """Whether two answers are the same but for what `normalize` takes away."""
    return normalize(answer) == normalize(gold)


def token_f1(answer: str, gold: str, version: Version = "2.0") -> float:
    """F1 of the normalized words of an answer, 0 to 1, repeated ones counted.

    Where both are without words it is 1 in v2.0 and 0 in v1.1; where one is, 0.
    """
    words, gold_words = normalize(answer).split(), normalize(gold).split()
    if not words and not gold_words:
        return float(version == "2.0")
    common = (Counter(words) & Counter(gold_words)).total()
    return 2 * common / (len(words) + len(gold_words))


def normalize(text: str) -> str:
    """`text` in lower case, without ASCII punctuation, then without articles, evenly spaced."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def best_threshold(
    null_odds: Sequence[float], if_answered: Sequence[float], if_empty: Sequence[float]
) -> tuple[float, float]:
    """The threshold of null odds that gives the highest mean score, and that mean, 0 to 1.

    A question is answered where its null_odds are not above the threshold. if_answered, if_empty:
    its score (F1, or exact match) with its best answer and with "". Of equally good thresholds
    it is the lowest; where nothing is best answered, 1 below the lowest odds. At least one
    question.
    """
    odds = np.asarray(null_odds, np.float64)
    order = np.argsort(odds, kind="stable")
    odds = odds[order]
    gains = (np.asarray(if_answered, np.float64) - np.asarray(if_empty, np.float64))[order]
    totals = np.sum(if_empty) + np.cumsum(gains)
    # Questions of equal odds are answered together.
    last_of_equals = np.append(odds[1:] != odds[:-1], True)
    totals[~last_of_equals] = -np.inf
    best = int(totals.argmax())
    if totals[best] <= np.sum(if_empty):
        return float(odds[0] - 1), float(np.mean(if_empty))
    return float(odds[best]), float(totals[best] / len(odds))
