"""run_classifier.py of BERT and of MobileBERT: classes of texts and of pairs."""

from bertline.errors import ConfigError
from bertline.tasks import TASKS
from pipelines.flags.bert import (
    ACCELERATORS,
    CHECKPOINT,
    LITE,
    ROOT,
    RUN,
    checkpoint,
    data,
    training,
)
from pipelines.flags.body import recipe_text
from pipelines.flags.flag import PATH, TEXT, WHOLE, Combined, Flag, Script, Values, one_of
from pipelines.flags.quantization import formats

CLASSIFIED = one_of(*(task.name for task in TASKS.values() if task.head == "classifier"))

FLAGS = (
    Flag("task_name", CLASSIFIED, "ingest.task", combined=True, note="needed"),
    Flag("data_dir", PATH, "ingest.source", combined=True),
    Flag("tfrecord_dir", TEXT, note=ROOT),
    *CHECKPOINT,
    Flag("max_seq_length", WHOLE, "tokenize.max_seq_length", default=128),
    *training(learning_rate=5e-5, save_checkpoints_steps=1000),
    *RUN,
    Flag("eval_batch_size", WHOLE, "evaluate.batch_size"),
    Flag("predict_batch_size", WHOLE, note="as --eval_batch_size: evaluate.batch_size"),
    *LITE,
    *ACCELERATORS,
)


def combine(values: Values) -> Combined:
    """The settings of the data, the checkpoint and the formats; ConfigError without a task."""
    if "task_name" not in values:
        raise ConfigError(f"run_classifier: --task_name is missing; give it {CLASSIFIED.expected}")
    sources = [values["data_dir"]] if "data_dir" in values else []
    return data(values["task_name"], sources, "--data_dir") | checkpoint(values) | formats(values)


SCRIPT = Script(("run_classifier",), FLAGS, combine, recipe_text)
