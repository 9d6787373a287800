"""run_pretraining.py of BERT, and MobileBERT's with its distillation."""

from pipelines.flags.bert import ACCELERATORS, ALWAYS, LOGGED, ROOT
from pipelines.flags.body import nothing
from pipelines.flags.flag import (
    BOOLEAN,
    NUMBER,
    TEXT,
    WHOLE,
    Combined,
    Flag,
    Kind,
    Script,
    Values,
    one_of,
)


def _stage(stage: str, **kinds: Kind) -> tuple[Flag, ...]:
    """Flags of a stage to come."""
    return tuple(Flag(name, kind, planned=stage) for name, kind in kinds.items())


FLAGS = (
    *_stage(
        "pretrain",
        input_file=TEXT,
        init_checkpoint=TEXT,
        bert_config_file=TEXT,
        max_seq_length=WHOLE,
        max_predictions_per_seq=WHOLE,
        train_batch_size=WHOLE,
        learning_rate=NUMBER,
        num_train_steps=WHOLE,
        num_warmup_steps=WHOLE,
        save_checkpoints_steps=WHOLE,
        optimizer=one_of("adamw", "lamb"),
        weight_decay_rate=NUMBER,
        max_eval_steps=WHOLE,
        eval_batch_size=WHOLE,
    ),
    *_stage(
        "distill",
        bert_teacher_config_file=TEXT,
        first_input_file=TEXT,
        first_max_seq_length=WHOLE,
        first_train_batch_size=WHOLE,
        first_num_train_steps=WHOLE,
        layer_wise_warmup=BOOLEAN,
        num_distill_steps=WHOLE,
        distill_temperature=NUMBER,
        distill_ground_truth_ratio=NUMBER,
        attention_distill_factor=NUMBER,
        hidden_distill_factor=NUMBER,
        gamma_distill_factor=NUMBER,
        beta_distill_factor=NUMBER,
    ),
    Flag("output_dir", TEXT, note=ROOT),
    Flag("do_train", BOOLEAN, note=ALWAYS),
    Flag("do_eval", BOOLEAN, note=ALWAYS),
    Flag("use_einsum", BOOLEAN, note="products are written in one way"),
    Flag("use_summary", BOOLEAN, note=LOGGED),
    *ACCELERATORS,
)


def combine(values: Values) -> Combined:
    """No settings, and that there are none."""
    return Combined(notes=("nothing can be run yet: the stages pretrain and distill come later",))


SCRIPT = Script(("run_pretraining",), FLAGS, combine, nothing)
