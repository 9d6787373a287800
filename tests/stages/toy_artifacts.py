"""Artifacts of a toy encoder, of features it can be trained on, and of the model of both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertline.artifacts import file_sha256, new_artifact, write_json, write_text
from bertline.features.batches import FeatureSet
from bertline.features.records import write_shard
from bertline.modeling.config import ModelSpec
from bertline.modeling.model import build_model
from bertline.modeling.weights import save_weights, tensors_of, weights_digest
from tests.modeling.toys import VOCABULARY
from tests.training.toys import SPEC, encoder_weights, toy_features


def write_vocab(path: Path) -> None:
    write_text(path, "\n".join(VOCABULARY) + "\n")


def write_encoder(path: Path, spec: ModelSpec = SPEC) -> Path:
    with new_artifact(path, "encoder") as folder:
        save_weights(encoder_weights(spec), folder / "weights.safetensors")
        write_json(folder / "encoder.json", spec.encoder.model_dump())
        write_vocab(folder / "vocab.txt")
    return path


def write_features(
    path: Path, spec: ModelSpec = SPEC, train_lengths: Sequence[int] = (5, 12, 4, 7) * 20
) -> Path:
    splits = {"train": toy_features(train_lengths), "dev": toy_features([5, 12], seed=1)}
    about: dict[str, Any] = {
        "task": spec.task,
        "labels": spec.labels,
        "inputs": spec.inputs.model_dump(),
        "tokenizer": spec.encoder.tokenizer.model_dump(),
        "counts": {split: len(features) for split, features in splits.items()},
        "shards": {split: [f"{split}.tfrecord"] for split in splits},
    }
    with new_artifact(path, "features", about) as folder:
        write_vocab(folder / "vocab.txt")
        about["vocab_sha256"] = file_sha256(folder / "vocab.txt")
        for split, features in splits.items():
            write_shard(folder / f"{split}.tfrecord", records_of(features))
    return path


def records_of(features: FeatureSet) -> list[Any]:
    return [features.record(row) for row in range(len(features))]


def write_model(path: Path, spec: ModelSpec = SPEC) -> Path:
    weights = tensors_of(build_model(spec).trainable_variables)
    with new_artifact(path, "model", {"weights_sha256": weights_digest(weights)}) as folder:
        save_weights(weights, folder / "weights.safetensors")
        write_json(folder / "model.json", spec.model_dump())
        write_vocab(folder / "vocab.txt")
    return path
