"""run_bert_nlu.py: joint intents and slots on SNIPS, quantization-aware, to TFLite."""

from pipelines.flags.bert import (
    ACCELERATORS,
    CHECKPOINT,
    LOGGED,
    ROOT,
    RUN,
    checkpoint,
    data,
    training,
)
from pipelines.flags.body import recipe_text
from pipelines.flags.flag import (
    BOOLEAN,
    NUMBER,
    PATH,
    TEXT,
    WHOLE,
    Combined,
    Flag,
    Kind,
    Script,
    Values,
    one_of,
)
from pipelines.flags.quantization import (
    DELAY,
    QUANTIZE,
    QUANTIZED_TRAINING,
    WIDTHS,
    quantization,
)


def _layers(text: str) -> int | None:
    """How many layers there are up to the one of that index, None being all of them."""
    index = int(text)
    if index < -1:
        raise ValueError
    return None if index == -1 else index + 1


LAYER = Kind("the index of a layer from 0, or -1 for the last", _layers)
JOINT = "intents and slots are learnt together, their names are those of the data"

FLAGS = (
    Flag("task_name", one_of("nlu", "snips"), note="always snips"),
    Flag("data_dir", PATH, "ingest.source", combined=True, note="the folder of nlu-benchmark"),
    Flag("dev_set", NUMBER, note="a number of examples here: ingest.dev_size, at most 700 unset"),
    Flag("small_data", BOOLEAN, note="one intent alone; see ingest.max_train_examples"),
    Flag("intent_label_file", TEXT, note=JOINT),
    Flag("slot_label_file", TEXT, note=JOINT),
    Flag("slot_loss_coef", NUMBER, note="both losses count the same"),
    *CHECKPOINT,
    Flag(
        "layer",
        LAYER,
        "import_checkpoint.num_layers",
        note="the layers up to this index are kept; -1: all",
    ),
    Flag("num_hidden_layers", WHOLE, "import_checkpoint.num_layers"),
    Flag("max_seq_length", WHOLE, "tokenize.max_seq_length", default=128),
    *training(learning_rate=2e-5, save_checkpoints_steps=500),
    Flag("weight_decay", NUMBER, "finetune.weight_decay"),
    Flag("seed", WHOLE, "finetune.seed"),
    *RUN,
    Flag("eval_batch_size", WHOLE, "evaluate.batch_size"),
    Flag("predict_batch_size", WHOLE, note="as --eval_batch_size: evaluate.batch_size"),
    Flag("eval_on_test", BOOLEAN, note="always"),
    Flag("profile_eval", BOOLEAN, note="latency is always measured"),
    Flag("save_summary_steps", WHOLE, note=LOGGED),
    Flag("prune", BOOLEAN, note="weights are not pruned"),
    DELAY,
    QUANTIZE,
    QUANTIZED_TRAINING,
    *WIDTHS,
    Flag("serving_path", TEXT, note=ROOT),
    Flag("export_dir", TEXT, note=ROOT),
    Flag("tflite_file", TEXT, note=ROOT),
    *ACCELERATORS,
)


def combine(values: Values) -> Combined:
    """The settings of the data, the checkpoint and quantization."""
    sources = [values["data_dir"]] if "data_dir" in values else []
    return data("snips", sources, "--data_dir") | checkpoint(values) | quantization(values)


SCRIPT = Script(("run_bert_nlu",), FLAGS, combine, recipe_text)
