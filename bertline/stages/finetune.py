"""finetune: Encoder + Features → Model."""

import shutil
from pathlib import Path

from bertline.artifacts import (
    digest,
    fingerprint,
    new_artifact,
    read_json,
    read_manifest,
    write_json,
)
from bertline.code_version import code_version
from bertline.modeling.config import EncoderConfig, ModelSpec
from bertline.tasks import get_task
from bertline.training.settings import FitSettings


class Settings(FitSettings):
    """Settings of finetune: those of the training loop."""


def run(settings: Settings, *, encoder: Path, features: Path, model: Path, work: Path) -> None:
    """Writes the artifact `model`: weights.safetensors, model.json, vocab.txt, history.json.

    work: a folder that outlives the run (a volume on a cluster). Checkpoints lie in it under the
    fingerprint of settings, inputs and code, so that the same run, started again, finds them.
    """
    from bertline.features.records import read_features
    from bertline.modeling.weights import load_weights, save_weights, weights_digest
    from bertline.training.finetune import finetune

    about = read_manifest(features, "features").about
    config_file = encoder / "encoder.json"
    spec = ModelSpec(
        task=about["task"],
        head=get_task(about["task"]).head,
        encoder=EncoderConfig.parse(read_json(config_file), where=str(config_file)),
        labels=about["labels"],
        max_seq_length=about["max_seq_length"],
    )
    run_id = fingerprint(
        settings.to_json(), digest(encoder), digest(features), code_version(__name__)
    )
    weights, history = finetune(
        spec,
        load_weights(encoder / "weights.safetensors"),
        read_features(features, "train"),
        read_features(features, "dev"),
        settings,
        work / run_id,
    )
    facts = {"task": spec.task, "weights_sha256": weights_digest(weights), "run_id": run_id}
    with new_artifact(model, "model", facts) as folder:
        save_weights(weights, folder / "weights.safetensors")
        write_json(folder / "model.json", spec.model_dump())
        write_json(folder / "history.json", {"entries": history})
        shutil.copyfile(features / "vocab.txt", folder / "vocab.txt")
