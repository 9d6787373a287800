"""How many answers come back, as text and at their place, from logits that know them.

    python -m benchmarks.answer_places --data ../shared/data/squad

Logits peak at the tokens that training takes for the answer; what is lost is lost by the way from
characters to tokens and back. Both settings of answer_places are compared, on SQuAD v1.1 and on
made-up paragraphs in Chinese, Japanese and Thai: text without spaces, with words that come again,
characters that the vocabulary lacks, ideographic spaces and zero-width characters. Of an answer
that begins or ends inside a token, as of one inside an [UNK], the tokens are more than the answer:
it counts as lost.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from bertline.datasets import squad
from bertline.evaluation.squad import scores
from bertline.examples import GoldAnswer, Question
from bertline.features.batches import Record
from bertline.features.spans import Logits, SpanAnswer, decode_question
from bertline.features.spec import AnswerPlaces, TokenizerSpec
from bertline.features.tokenizer import CLS, PAD, SEP, UNK, Tokenizer, read_vocab
from bertline.features.windows import encode_question_examples
from bertline.modeling.checkpoints import packaged

LENGTHS = (384, 128, 64)


class Language(NamedTuple):
    """Words to make paragraphs of, what stands between sentences, and odd characters."""

    words: tuple[str, ...]
    stops: tuple[str, ...]
    odd: tuple[str, ...]


LANGUAGES = {
    "Chinese": Language(
        (
            "上海",
            "河流",
            "城市",
            "1926",
            "年",
            "大学",
            "音乐",
            "在",
            "的",
            "有",
            "龘",
            "《红楼梦》",
        ),
        ("。", "、"),
        ("\u3000", "\u200b", "\ufeff"),
    ),
    "Japanese": Language(
        ("東京", "タワー", "は", "が", "ラジオ", "きれい", "で", "大学", "1958", "ガラス", "音楽"),
        ("。", "、"),
        ("\u3000", "\u200b", "「々」", "。ヰ。"),
    ),
    "Thai": Language(
        ("กรุงเทพ", "แม่น้ำ", "เมือง", "ที่", "อยู่", "ดนตรี", "ใหญ่", "ปี", "๑๙๒๖"),
        (" ", ". "),
        ("\u200b", "\u00a0", " ฎีกา "),
    ),
}


def main() -> None:
    """Prints a line per data set and setting."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", help="a folder with SQuAD v1.1")
    parser.add_argument("--paragraphs", type=int, default=500, help="of each language")
    options = parser.parse_args()
    for name, language in LANGUAGES.items():
        made = list(questions_in(language, options.paragraphs, seed=1))
        for lower in (True, False):
            case = "uncased" if lower else "cased"
            report(f"{name}, {case}", toy_tokenizer(language, lower), made)
    if options.data:
        dataset = squad.read_v1(Path(options.data))
        english = [q for q in (*dataset.train, *dataset.test) if isinstance(q, Question)]
        vocabulary = read_vocab(packaged.folder() / "vocab.txt")
        report("SQuAD v1.1", Tokenizer(vocabulary, TokenizerSpec()), english)


def report(name: str, tokenizer: Tokenizer, questions: Sequence[Question]) -> None:
    """Prints the shares of texts and of places that come back, for both settings."""
    for places in get_args(AnswerPlaces):
        texts, at_place = shares(tokenizer, questions, places)
        print(f"{name:<20}{places:<12}text {texts:7.2%}  place {at_place:7.2%}", flush=True)


def shares(
    tokenizer: Tokenizer, questions: Sequence[Question], places: AnswerPlaces
) -> tuple[float, float]:
    """The shares of questions with exact match, and with an answer at a right place; 0 to 1."""
    texts = at_place = 0.0
    for question in questions:
        found = oracle_answer(tokenizer, question, places)
        texts += scores(question, found.text, "1.1")[0]
        golds = [(gold.start, gold.start + len(gold.text)) for gold in question.answers]
        at_place += (found.start, found.end) in golds
    return texts / len(questions), at_place / len(questions)


def oracle_answer(tokenizer: Tokenizer, question: Question, places: AnswerPlaces) -> SpanAnswer:
    """The answer that is decoded where logits peak at the positions that training takes."""
    records = encode_question_examples(tokenizer, [question], *LENGTHS, places)
    starts, ends = (
        [_peak(record, name) for record in records] for name in ("start_position", "end_position")
    )
    return decode_question(tokenizer, question.context, records, starts, ends)


def _peak(record: Record, name: str) -> Logits:
    """Logits of one window that are high at the position in a column."""
    logits = np.full(len(record["input_ids"]), -10, np.float32)
    logits[record[name][0]] = 10
    return logits


def questions_in(language: Language, count: int, seed: int) -> Iterator[Question]:
    """Questions about made-up paragraphs; an answer is up to four words that follow one another."""
    choose = random.Random(seed)
    for number in range(count):
        parts = []
        for _ in range(choose.randint(20, 120)):
            parts.append(choose.choice(language.words))
            if choose.random() < 0.1:
                parts.append(choose.choice(language.stops))
            if choose.random() < 0.02:
                parts.append(choose.choice(language.odd))
        context = "".join(parts)
        words = [index for index, part in enumerate(parts) if part in language.words]
        first = choose.choice(words)
        last = min(first + choose.randint(0, 3), len(parts) - 1)
        while parts[last] not in language.words:
            last -= 1
        start = len("".join(parts[:first]))
        answer = GoldAnswer("".join(parts[first : last + 1]), start)
        yield Question(str(number), "made up", context, parts[words[0]], (answer,))


def toy_tokenizer(language: Language, do_lower_case: bool) -> Tokenizer:
    """A tokenizer that knows the characters of the words but 龘, each also inside a word."""
    specials = [PAD, UNK, CLS, SEP]
    spec = TokenizerSpec(do_lower_case=do_lower_case)
    normal = Tokenizer({name: number for number, name in enumerate(specials)}, spec)
    letters = "".join(normal.normalize("".join((*language.words, *language.stops))).split())
    known = sorted(set(letters) - {"龘"})
    entries = [*specials, *known, *(f"##{letter}" for letter in known)]
    return Tokenizer({entry: number for number, entry in enumerate(entries)}, spec)


if __name__ == "__main__":
    main()
