"""finetune: Encoder + Features → Model."""

from pathlib import Path

from pydantic import ValidationInfo, field_validator

from bertline.artifacts import digest, file_sha256, fingerprint, read_manifest
from bertline.code_version import code_version
from bertline.errors import DataError
from bertline.features.spec import InputSpec, TokenizerSpec
from bertline.modeling.config import POOLED_HEADS, ModelSpec
from bertline.modeling.families.lookup import read_encoder
from bertline.storage import sources_digest
from bertline.tasks import get_task
from bertline.training.settings import FitSettings, QuantizationSettings


class Settings(FitSettings):
    """Settings of finetune: those of the training loop, and what it starts from.

    init_from: the model folder of an earlier run of finetune, on disk or at a gs:// address;
    encoder and head start from its weights, the optimizer afresh. keep_head: start the head from
    the one that the imported checkpoint has (head.safetensors), its classes taken to be in the
    order of the labels here. quantization: lets it join in, then the model is a quantized one.
    """

    init_from: str | None = None
    keep_head: bool = False
    quantization: QuantizationSettings | None = None

    @field_validator("keep_head")
    @classmethod
    def _is_the_only_start(cls, keep_head: bool, info: ValidationInfo) -> bool:
        if keep_head and info.data.get("init_from"):
            raise ValueError("init_from brings a head of its own; leave out one of them")
        return keep_head


def run(settings: Settings, *, encoder: Path, features: Path, model: Path, work: Path) -> None:
    """Writes the artifact `model`, see `bertline.modeling.folder.write_model`.

    work: a folder that outlives the run (a volume on a cluster). Checkpoints lie in it under the
    fingerprint of settings, inputs and code, so that the same run, started again, finds them. Of a
    job's processes, one a host, all are given the same paths and the first writes.
    Raises DataError if the features were made with another tokenizer than the encoder's, and
    CheckpointError if weights are missing, damaged or not finite.
    """
    from bertline.features.records import read_features
    from bertline.modeling.folder import write_model
    from bertline.training.devices import is_first_process
    from bertline.training.finetune import finetune
    from bertline.training.start import check_head, encoder_start, model_start

    spec = model_spec(encoder, features)
    inputs = [digest(encoder), digest(features)]
    if settings.keep_head:
        check_head(encoder, spec)
    if settings.init_from:
        start = model_start(settings.init_from, spec, features / "vocab.txt")
        inputs.append(sources_digest([settings.init_from]))
    else:
        start = encoder_start(encoder, with_head=settings.keep_head)
    run_id = fingerprint(settings.to_json(), *inputs, code_version(__name__))
    weights, ranges, history = finetune(
        spec,
        start,
        read_features(features, "train"),
        read_features(features, "dev"),
        settings,
        work / run_id,
        settings.quantization,
    )
    if not is_first_process():
        return
    if settings.quantization is not None:
        spec = spec.model_copy(update={"quantization": settings.quantization.of_network()})
    write_model(model, spec, weights, history, features / "vocab.txt", run_id, ranges)


def model_spec(encoder: Path, features: Path) -> ModelSpec:
    """What the model of this encoder and these features is; raises DataError as `run` does."""
    read_manifest(encoder, "encoder")
    about = read_manifest(features, "features").about
    if about["vocab_sha256"] != file_sha256(encoder / "vocab.txt"):
        raise DataError(
            f"{features}: made with another vocabulary than that of {encoder}; tokenize again"
        )
    task = get_task(about["task"])
    assert task.head is not None, "tokenize refuses data without labels"
    config = read_encoder(encoder)
    made_with = TokenizerSpec.parse(about["tokenizer"], where=str(features))
    if made_with != config.tokenizer:
        raise DataError(
            f"{features}: made with other settings of the tokenizer than those of {encoder}; "
            "tokenize again"
        )
    if task.head in POOLED_HEADS and not config.has_pooler:
        print("the checkpoint has no pooler: a new one is trained")
        config = config.model_copy(update={"has_pooler": True})
    return ModelSpec(
        task=task.name,
        head=task.head,
        encoder=config,
        labels=about["labels"],
        inputs=InputSpec.parse(about["inputs"], where=str(features)),
    )
