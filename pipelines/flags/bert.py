"""Flags that the training scripts of BERT and MobileBERT have in common."""

from pipelines.flags.flag import (
    BOOLEAN,
    EPOCHS,
    NUMBER,
    PATH,
    TEXT,
    WHOLE,
    Combined,
    Flag,
    Values,
)
from pipelines.flags.quantization import POST_QUANTIZATION
from pipelines.recipe import PROJECT

ACCELERATOR = "where the pipeline runs decides the accelerator"
ALWAYS = "always; what the cache has is not done again"
ROOT = "bertline run --root DIR chooses the folder"
LOGGED = "always; TensorBoard and history.json get a fixed number of points"

RUN = (
    Flag("output_dir", TEXT, note=ROOT),
    Flag("do_train", BOOLEAN, note=ALWAYS),
    Flag("do_eval", BOOLEAN, note=ALWAYS),
    Flag("do_predict", BOOLEAN, note="always; the answers lie in the report's predictions/"),
)
CHECKPOINT = (
    Flag(
        "init_checkpoint",
        PATH,
        "import_checkpoint.checkpoint",
        combined=True,
        note="the folder of a bert_model.ckpt with config and vocabulary beside it",
    ),
    Flag(
        "bert_config_file",
        PATH,
        "import_checkpoint.config",
        combined=True,
        note="left out where the folder has it",
    ),
    Flag(
        "vocab_file",
        PATH,
        "import_checkpoint.vocab",
        combined=True,
        note="left out where the folder has it",
    ),
    Flag("do_lower_case", BOOLEAN, "import_checkpoint.do_lower_case", default=True),
)
ACCELERATORS = (
    Flag("use_tpu", BOOLEAN, note=ACCELERATOR),
    Flag("tpu_name", TEXT, note=ACCELERATOR),
    Flag("tpu_zone", TEXT, note=ACCELERATOR),
    Flag("gcp_project", TEXT, note=ACCELERATOR),
    Flag("master", TEXT, note=ACCELERATOR),
    Flag("num_tpu_cores", WHOLE, note=ACCELERATOR),
    Flag("iterations_per_loop", WHOLE, note="a detail of TPUEstimator"),
)
LITE = (
    Flag("export_dir", TEXT, note=ROOT),
    Flag("lite_model_path", TEXT, note="every exported file is evaluated"),
    POST_QUANTIZATION,
)


def training(learning_rate: float, save_checkpoints_steps: int) -> tuple[Flag, ...]:
    """The flags of the optimizer, with the defaults that scripts differ in."""
    return (
        Flag("train_batch_size", WHOLE, "finetune.batch_size", default=32),
        Flag("learning_rate", NUMBER, "finetune.learning_rate", default=learning_rate),
        Flag("num_train_epochs", EPOCHS, "finetune.num_epochs", default=3, note="whole epochs"),
        Flag("warmup_proportion", NUMBER, "finetune.warmup_fraction", default=0.1),
        Flag(
            "save_checkpoints_steps",
            WHOLE,
            "finetune.save_checkpoints_steps",
            default=save_checkpoints_steps,
        ),
    )


def checkpoint(values: Values) -> Combined:
    """Settings of import_checkpoint for the three files that a TF1 checkpoint is."""
    prefix, config, vocab = (
        values.get(name) for name in ("init_checkpoint", "bert_config_file", "vocab_file")
    )
    if prefix is None:
        return Combined(
            notes=("no --init_checkpoint: the packaged encoder, config and vocabulary are taken",)
        )
    folder, _, name = prefix.rpartition("/")
    beside = {f"{folder}/bert_config.json", f"{folder}/vocab.txt", None}
    is_whole = name == "bert_model.ckpt" and {config, vocab} <= beside
    # Prefixes are of this disk; at an address the folder is fetched, and holds one checkpoint.
    as_folder = bool(folder) and (is_whole or "://" in prefix)
    settings = {"import_checkpoint.checkpoint": folder if as_folder else prefix}
    for key, file in (("config", config), ("vocab", vocab)):
        if file is not None and not (as_folder and file in beside):
            settings[f"import_checkpoint.{key}"] = file
    return Combined(settings)


def data(task: str, sources: list[str], flags: str) -> Combined:
    """Settings of ingest; without sources those of the project's samples of `task`."""
    notes = (
        () if sources else (f"no {flags}: the project's samples are taken; --data DIR changes it",)
    )
    source = sources or [str(PROJECT / "samples" / task)]
    return Combined(
        {"ingest.task": task, "ingest.source": source[0] if len(source) == 1 else source}, notes
    )
