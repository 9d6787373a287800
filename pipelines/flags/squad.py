"""run_squad.py of BERT and of MobileBERT: answers as spans of a paragraph."""

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
from pipelines.flags.flag import BOOLEAN, NUMBER, PATH, TEXT, WHOLE, Combined, Flag, Script, Values
from pipelines.flags.quantization import (
    ACTIVATION_QUANTIZATION,
    QUANTIZED_TRAINING,
    quantization,
)

FILES = ("train_file", "predict_file")

FLAGS = (
    *(
        Flag(name, PATH, "ingest.source", combined=True, note="a list of both files")
        for name in FILES
    ),
    Flag(
        "version_2_with_negative",
        BOOLEAN,
        "ingest.task",
        combined=True,
        note="true: squad-v2; false: squad-v1",
    ),
    Flag("data_dir", TEXT, note=ROOT),
    *CHECKPOINT,
    Flag("hub_module_url", TEXT, note="give import_checkpoint.checkpoint a folder or an address"),
    Flag("max_seq_length", WHOLE, "tokenize.max_seq_length", default=384),
    Flag("doc_stride", WHOLE, "tokenize.doc_stride", default=128),
    Flag("max_query_length", WHOLE, "tokenize.max_query_length", default=64),
    *training(learning_rate=5e-5, save_checkpoints_steps=1000),
    Flag("n_best_size", WHOLE, "export.n_best_size", default=20),
    Flag("max_answer_length", WHOLE, "export.max_answer_length", default=30),
    Flag(
        "null_score_diff_threshold",
        NUMBER,
        "export.null_threshold",
        combined=True,
        note="of SQuAD 2.0 alone, where 0 is the default; tuned: the best on the dev split",
    ),
    *RUN,
    Flag("predict_batch_size", WHOLE, "evaluate.batch_size"),
    Flag("verbose_logging", BOOLEAN, note="ingest counts what is odd in the data"),
    QUANTIZED_TRAINING,
    ACTIVATION_QUANTIZATION,
    *LITE,
    *ACCELERATORS,
)


def combine(values: Values) -> Combined:
    """The settings of the version, the data, the checkpoint and quantization."""
    sources = [values[name] for name in FILES if name in values]
    version_2 = values.get("version_2_with_negative", False)
    both = data("squad-v2" if version_2 else "squad-v1", sources, "--train_file")
    both |= _half(values) | _threshold(values)
    return both | checkpoint(values) | quantization(values)


def _half(values: Values) -> Combined:
    missing = [name for name in FILES if name not in values]
    if len(missing) != 1:
        return Combined()
    return Combined(notes=(f"no --{missing[0]}: a run needs it too; add it to ingest.source",))


def _threshold(values: Values) -> Combined:
    threshold = values.get("null_score_diff_threshold")
    if values.get("version_2_with_negative"):
        return Combined({"export.null_threshold": threshold or 0.0})
    if threshold is None:
        return Combined()
    return Combined(notes=("--null_score_diff_threshold: of --version_2_with_negative alone",))


SCRIPT = Script(("run_squad",), FLAGS, combine, recipe_text)
