"""A plain PyTorch fine-tune on SQuAD features, to hold the line's own against.

    PEERS/bin/python -m benchmarks.squad_peer --checkpoint DIR --features DIR --examples DIR

Runs in an environment with benchmarks/peers.txt, google-crc32c, protobuf and tokenizers. Hugging
Face's BertForQuestionAnswering starts from the folder --checkpoint and is trained as its users do:
torch.optim.AdamW, linear warm-up and decay, batches of like lengths (as with the Trainer's
group_by_length) padded to their longest, float32 or with --autocast bfloat16 products, as ours. The
features and examples are artifacts of a run of ours; answers are chosen and judged by our code,
which equals the reference's (tests/features/test_squad_oracles.py).
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from bertline.artifacts import read_manifest
from bertline.evaluation.judges import judge_for
from bertline.evaluation.material import Split
from bertline.evaluation.metrics import metrics_of
from bertline.evaluation.null_threshold import threshold_of
from bertline.features.answers import Logits, Meanings
from bertline.features.batches import FeatureSet, length_sorted_batches, pad_batch
from bertline.features.records import read_features
from bertline.features.spec import AnswerSpec, TokenizerSpec
from bertline.features.tokenizer import Tokenizer
from bertline.progress import Progress
from bertline.tasks import get_task

INPUTS = {
    "input_ids": "input_ids",
    "input_mask": "attention_mask",
    "segment_ids": "token_type_ids",
}
TARGETS = {"start_position": "start_positions", "end_position": "end_positions"}
WARMUP_FRACTION, WEIGHT_DECAY, CLIP_NORM = 0.1, 0.01, 1.0
BATCHES_AT_ONCE = 50


def main() -> None:
    """Trains, answers the test split, prints exact match and F1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("checkpoint", "features", "examples"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--autocast", action="store_true", help="train with bfloat16 products")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    model = transformers.BertForQuestionAnswering.from_pretrained(options.checkpoint)
    start = time.monotonic()
    train(model, read_features(options.features, "train"), options)
    seconds = time.monotonic() - start
    model.eval()
    task = get_task(read_manifest(options.examples, "examples").about["task"])
    tokenizer = Tokenizer.from_vocab(options.features / "vocab.txt", TokenizerSpec())
    answering = AnswerSpec()
    if task.has_impossible:
        always = AnswerSpec.model_construct(null_threshold=float("inf"))
        questions, answers = answered(model, options, "dev", tokenizer, always)
        answering = AnswerSpec(null_threshold=threshold_of(questions, answers))
    questions, answers = answered(model, options, "test", tokenizer, answering)
    judge = judge_for(task)
    values = metrics_of(judge.counts(questions, answers), judge.metrics)
    for name in task.metrics:
        print(f"{judge.metrics[name].label}: {values[name]:.2f}")
    print(f"trained in {seconds:,.0f} s; {answering}")


def train(model: Any, features: FeatureSet, options: argparse.Namespace) -> None:
    """Trains `model` in place."""
    steps = -(-len(features) // options.batch_size) * options.epochs
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=options.learning_rate, weight_decay=WEIGHT_DECAY
    )
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, int(WARMUP_FRACTION * steps), steps
    )
    random = np.random.default_rng(options.seed)
    model.train()
    with Progress("PyTorch", steps, "steps") as progress:
        for _ in range(options.epochs):
            for rows in grouped_batches(features.lengths, options.batch_size, random):
                targets = pad_batch(features, rows, TARGETS, 1)
                named = {theirs: targets[ours][:, 0] for ours, theirs in TARGETS.items()}
                with torch.autocast("cpu", torch.bfloat16, enabled=options.autocast):
                    loss = model(**tensors(features, rows), **as_tensors(named)).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                progress.update(note=f"loss {loss.item():.4f}")


def grouped_batches(lengths: Any, batch_size: int, random: Any) -> list[Any]:
    """Batches of all rows in random order, each of rows that are like in length."""
    order = random.permutation(len(lengths))
    batches = []
    for first in range(0, len(order), BATCHES_AT_ONCE * batch_size):
        rows = order[first : first + BATCHES_AT_ONCE * batch_size]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    return [batches[number] for number in random.permutation(len(batches))]


def answered(
    model: Any, options: argparse.Namespace, name: str, tokenizer: Tokenizer, answering: AnswerSpec
) -> tuple[list[Any], list[Any]]:
    """The questions of a split, and the model's answers."""
    split = Split.read(options.examples, options.features, name)
    logits: list[Logits] = [{} for _ in range(len(split.features))]
    with torch.inference_mode(), Progress(name, len(logits), "windows") as progress:
        for rows in length_sorted_batches(split.features.lengths, 32):
            outputs = model(**tensors(split.features, rows))
            for place, row in enumerate(rows.tolist()):
                length = split.features.lengths[row]
                logits[row] = {
                    "start_logits": outputs.start_logits[place, :length].numpy(),
                    "end_logits": outputs.end_logits[place, :length].numpy(),
                }
            progress.update(len(rows))
    meanings = Meanings(tokenizer, {}, answering)
    answers = split.kind.decode(split.items, split.features, logits, meanings)
    return list(split.examples), list(answers)


def tensors(features: FeatureSet, rows: Any) -> dict[str, Any]:
    """The inputs of a batch, padded to its longest, by Hugging Face's names."""
    batch = pad_batch(features, rows, INPUTS, int(features.lengths[rows].max()))
    return as_tensors({theirs: batch[ours] for ours, theirs in INPUTS.items()})


def as_tensors(arrays: dict[str, Any]) -> dict[str, Any]:
    """The arrays as int64 tensors."""
    return {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}


if __name__ == "__main__":
    main()
