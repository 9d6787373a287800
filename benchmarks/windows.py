"""Rate of SQuAD windows, against plain Python code of the same algorithm.

    python -m benchmarks.windows --data ../shared/data/squad

All take the same questions of SQuAD v1.1, in memory, in rounds that alternate their order, and make
the same windows with word numbers, max-context and answer positions:

- plain Python: benchmarks.plain_windows, question by question, nothing kept.
- windows: `features.windows` in the batches of the tokenize stage, nothing kept.
- windows, file: the same, written to a TFRecord file.

A tokenizer remembers the words it has seen: each run has a new one, made before the clock starts.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.plain_windows import PlainTokenizer, plain_windows
from benchmarks.rounds import measure, table
from bertline.datasets import squad
from bertline.examples import Question
from bertline.features.batches import Record
from bertline.features.records import write_shard
from bertline.features.shards import BATCH_SIZE
from bertline.features.spec import TokenizerSpec
from bertline.features.tokenizer import Tokenizer, read_vocab
from bertline.features.windows import encode_question_examples
from bertline.modeling.checkpoints import packaged

LENGTHS = {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64}


def main() -> None:
    """Prints medians of the rates, and of their ratios to plain Python's within a round."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--data", required=True, help="a folder with SQuAD v1.1")
    parser.add_argument("--questions", type=int, default=3000, help="the first of training")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, one more uncounted")
    options = parser.parse_args()
    examples = squad.read_v1(Path(options.data)).train[: options.questions]
    questions = [example for example in examples if isinstance(example, Question)]
    vocabulary = read_vocab(packaged.folder() / "vocab.txt")
    plain = PlainTokenizer(vocabulary)
    new = [Tokenizer(vocabulary, TokenizerSpec()) for _ in range(2 * options.rounds + 3)]
    count = sum(1 for _ in batched_windows(new.pop(), questions))

    def plain_python() -> None:
        for question in questions:
            plain_windows(plain, question, **LENGTHS)

    def windows() -> None:
        for _ in batched_windows(new.pop(), questions):
            pass

    with tempfile.TemporaryDirectory() as folder:

        def windows_file() -> None:
            write_shard(Path(folder) / "0.tfrecord", batched_windows(new.pop(), questions))

        contestants = {"plain Python": plain_python, "windows": windows}
        seconds = measure({**contestants, "windows, file": windows_file}, options.rounds)
    print(f"\n{count:,} windows of {len(questions):,} questions, {options.rounds} rounds, medians")
    print("\n".join(table(seconds, count, "plain Python")))


def batched_windows(tokenizer: Tokenizer, questions: Sequence[Question]) -> Iterator[Record]:
    """The windows of the questions, encoded in batches as the tokenize stage does."""
    for start in range(0, len(questions), BATCH_SIZE):
        batch = questions[start : start + BATCH_SIZE]
        yield from encode_question_examples(tokenizer, batch, **LENGTHS, answer_places="words")


if __name__ == "__main__":
    main()
