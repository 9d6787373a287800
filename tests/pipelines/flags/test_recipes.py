from pathlib import Path
from typing import Any

import pytest

from bertline.errors import ConfigError
from pipelines.flags import recipe_of
from pipelines.recipe import PROJECT, Recipe, load_recipe
from pipelines.yaml_text import parse_yaml


def stages(command: str) -> dict[str, dict[str, Any]]:
    """The stages of the recipe that a command becomes, as a reader of its text finds them."""
    recipe = Recipe.parse(parse_yaml(recipe_of(command).text), where="imported")
    recipe.settings()
    return recipe.stages


def notes(command: str) -> tuple[str, ...]:
    return recipe_of(command).notes


def problem(command: str) -> str:
    with pytest.raises(ConfigError) as raised:
        recipe_of(command)
    return str(raised.value)


def test_mrpc_as_in_berts_readme() -> None:
    command = """\
export BERT_BASE_DIR=/path/to/bert/uncased_L-12_H-768_A-12
export GLUE_DIR=/path/to/glue

python run_classifier.py \\
  --task_name=MRPC --do_train=true --do_eval=true --data_dir=$GLUE_DIR/MRPC \\
  --vocab_file=$BERT_BASE_DIR/vocab.txt --bert_config_file=$BERT_BASE_DIR/bert_config.json \\
  --init_checkpoint=$BERT_BASE_DIR/bert_model.ckpt --max_seq_length=128 \\
  --train_batch_size=32 --learning_rate=2e-5 --num_train_epochs=3.0 \\
  --output_dir=/tmp/mrpc_output/
"""
    assert stages(command) == {
        "import_checkpoint": {"checkpoint": "$BERT_BASE_DIR", "do_lower_case": True},
        "ingest": {"task": "mrpc", "source": "$GLUE_DIR/MRPC"},
        "tokenize": {"max_seq_length": 128},
        "finetune": {
            "batch_size": 32,
            "learning_rate": 2e-5,
            "num_epochs": 3,
            "warmup_fraction": 0.1,
            "save_checkpoints_steps": 1000,
        },
    }
    assert notes(command) == (
        "--do_train: always; what the cache has is not done again",
        "--do_eval: always; what the cache has is not done again",
        "--output_dir=/tmp/mrpc_output/: bertline run --root DIR chooses the folder",
        "the script's defaults: --do_lower_case=true, --warmup_proportion=0.1, "
        "--save_checkpoints_steps=1000",
        "$BERT_BASE_DIR, $GLUE_DIR: a recipe has no variables; put in the values (envsubst does)",
    )


def test_squad_2_as_in_berts_readme() -> None:
    found = stages(
        "python run_squad.py --vocab_file=$B/vocab.txt --bert_config_file=$B/bert_config.json "
        "--init_checkpoint=$B/bert_model.ckpt --do_train=True "
        "--train_file=$SQUAD_DIR/train-v2.0.json --do_predict=True "
        "--predict_file=$SQUAD_DIR/dev-v2.0.json --train_batch_size=24 --learning_rate=3e-5 "
        "--num_train_epochs=2.0 --max_seq_length=384 --doc_stride=128 "
        "--output_dir=gs://some_bucket/squad_large/ --use_tpu=True --tpu_name=$TPU_NAME "
        "--version_2_with_negative=True --null_score_diff_threshold=-1.25"
    )
    assert found["ingest"] == {
        "task": "squad-v2",
        "source": ["$SQUAD_DIR/train-v2.0.json", "$SQUAD_DIR/dev-v2.0.json"],
    }
    assert found["tokenize"] == {"max_seq_length": 384, "doc_stride": 128, "max_query_length": 64}
    assert found["finetune"]["batch_size"] == 24
    assert found["export"] == {
        "null_threshold": -1.25,
        "n_best_size": 20,
        "max_answer_length": 30,
    }


def test_mobilebert_keeps_its_prefix_config_and_vocabulary() -> None:
    command = (
        "python3 run_squad.py --bert_config_file=/m/config/OPT_QAT.json --data_dir=/cache "
        "--init_checkpoint=${INIT}/mobilebert.ckpt --vocab_file=${INIT}/vocab.txt "
        "--learning_rate=4e-05 --num_train_epochs=5 --train_file=/squad/train-v1.1.json "
        "--predict_file=/squad/dev-v1.1.json --use_quantized_training=true"
    )
    found = stages(command)
    assert found["import_checkpoint"] == {
        "checkpoint": "${INIT}/mobilebert.ckpt",
        "config": "/m/config/OPT_QAT.json",
        "vocab": "${INIT}/vocab.txt",
        "do_lower_case": True,
    }
    assert found["ingest"]["task"] == "squad-v1"
    assert found["finetune"]["learning_rate"] == 4e-5
    assert "null_threshold" not in found["export"]
    assert found["quantize"] == {"batch_size": 32}
    assert not any("quantize" in note for note in notes(command))


INTEGERS = load_recipe("snips-qat").stages["export"]["formats"]


@pytest.mark.parametrize(
    ("flags", "formats"),
    [
        ("--use_post_quantization=true --export_dir=/tflite", ["litert_dynamic_int8"]),
        ("--use_post_quantization=false --export_dir=/tflite", None),
        ("--use_quantized_training=true", INTEGERS),
        ("--use_quantized_training=true --use_post_quantization=true", ["litert_dynamic_int8"]),
        ("--nouse_quantized_training", None),
        ("--activation_quantization --use_post_quantization", ["litert_integer"]),
    ],
)
def test_quantization_is_formats(flags: str, formats: list[str] | None) -> None:
    assert stages(f"run_squad.py {flags}")["export"].get("formats") == formats


@pytest.mark.parametrize(
    ("flags", "trained"),
    [
        ("--use_quantized_training=true --train_batch_size=12", {"batch_size": 12}),
        ("--use_quantized_training=false", None),
        ("--use_post_quantization=true", None),
        ("--activation_quantization=true", {"batch_size": 32}),
    ],
)
def test_quantized_training_is_a_stage(flags: str, trained: dict[str, int] | None) -> None:
    found = stages(f"run_squad.py {flags}")
    assert found.get("quantize") == trained
    assert "quantization" not in found["finetune"]


def test_snips_with_a_delay_of_quantization() -> None:
    command = (
        "python3 run_bert_nlu.py --do_train --data_dir=/data/nlu-benchmark --layer=5 "
        "--max_seq_length=48 --train_batch_size=16 --quant_delay 1000 --save_checkpoints_steps=200"
    )
    found = stages(command)
    assert found["ingest"] == {"task": "snips", "source": "/data/nlu-benchmark"}
    assert found["import_checkpoint"] == {"num_layers": 6, "do_lower_case": True}
    assert found["tokenize"] == {"max_seq_length": 48}
    assert found["finetune"]["learning_rate"] == 2e-5
    assert found["finetune"]["save_checkpoints_steps"] == 200
    assert found["finetune"]["quantization"] == {"quant_delay": 1000}
    assert "quantize" not in found
    assert found["export"] == {"formats": INTEGERS}
    assert any(note.startswith("no --init_checkpoint: ") for note in notes(command))


def test_quantization_of_snips_joins_in_only_with_a_delay() -> None:
    switched_on = stages("run_bert_nlu.py --quantize --weight_bits=8 --train_batch_size=16")
    assert switched_on["quantize"] == {"batch_size": 16}
    assert "quantization" not in switched_on["finetune"]
    both = stages("run_bert_nlu.py --use_quantized_training --quant_delay=0")
    assert both["finetune"]["quantization"] == {"quant_delay": 0}
    assert "quantize" not in both
    switched_off = "run_bert_nlu.py --noquantize --quant_delay=1000"
    assert stages(switched_off).keys() & {"quantize", "export"} == set()
    assert "quantization" not in stages(switched_off)["finetune"]
    assert "--quant_delay: nothing is quantized" in notes(switched_off)


def test_the_last_layer_is_all_layers() -> None:
    assert "num_layers" not in stages("run_bert_nlu.py --layer -1")["import_checkpoint"]


def test_without_data_the_samples_are_taken() -> None:
    command = "run_classifier.py --task_name imdb"
    assert stages(command)["ingest"] == {"task": "imdb", "source": f"{PROJECT}/samples/imdb"}
    assert any(note.startswith("no --data_dir: the project's samples") for note in notes(command))
    half = "run_squad.py --train_file=/squad/train-v1.1.json"
    assert stages(half)["ingest"]["source"] == "/squad/train-v1.1.json"
    assert "no --predict_file: a run needs it too; add it to ingest.source" in notes(half)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--init_checkpoint=/b/bert_model.ckpt", {"checkpoint": "/b"}),
        ("--init_checkpoint=/b/bert_model.ckpt --vocab_file=/b/vocab.txt", {"checkpoint": "/b"}),
        (
            "--init_checkpoint=/b/bert_model.ckpt --vocab_file=/other/vocab.txt",
            {"checkpoint": "/b/bert_model.ckpt", "vocab": "/other/vocab.txt"},
        ),
        (
            "--init_checkpoint=/run/model.ckpt-468 --bert_config_file=/run/bert_config.json",
            {"checkpoint": "/run/model.ckpt-468", "config": "/run/bert_config.json"},
        ),
        (
            "--init_checkpoint=gs://bucket/run/model.ckpt-468 --vocab_file=/b/vocab.txt",
            {"checkpoint": "gs://bucket/run", "vocab": "/b/vocab.txt"},
        ),
        ("--init_checkpoint=$CKPT", {"checkpoint": "$CKPT"}),
    ],
)
def test_forms_of_checkpoints(flags: str, expected: dict[str, str]) -> None:
    found = stages(f"run_squad.py {flags} --do_lower_case=False")["import_checkpoint"]
    assert found == {**expected, "do_lower_case": False}


def test_relative_paths_are_meant_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = stages(
        "run_bert_nlu.py --data_dir=./nlu --init_checkpoint=bert/bert_model.ckpt "
        "--vocab_file=bert/vocab.txt --bert_config_file=bert/bert_config.json"
    )
    assert found["ingest"]["source"] == str(tmp_path / "nlu")
    assert found["import_checkpoint"]["checkpoint"] == str(tmp_path / "bert")


def test_pretraining_names_its_flags_and_makes_no_recipe() -> None:
    imported = recipe_of(
        "run_pretraining.py --input_file=/tmp/tf_examples.tfrecord --do_train=True "
        "--layer_wise_warmup --hidden_distill_factor=100 --use_tpu=false"
    )
    assert imported.body == ""
    assert imported.notes == (
        "--input_file=/tmp/tf_examples.tfrecord: not built yet (stage pretrain)",
        "--do_train: always; what the cache has is not done again",
        "--layer_wise_warmup: not built yet (stage distill)",
        "--hidden_distill_factor=100: not built yet (stage distill)",
        "--use_tpu=false: where the pipeline runs decides the accelerator",
        "nothing can be run yet: the stages pretrain and distill come later",
    )
    assert parse_yaml(imported.text) is None


def test_a_planned_flag_that_is_off_asks_for_nothing() -> None:
    command = "run_pretraining.py --nolayer_wise_warmup"
    assert "--layer_wise_warmup=false: nothing to do" in notes(command)


def test_a_threshold_without_unanswerable_questions_is_left_out() -> None:
    command = "run_squad.py --null_score_diff_threshold=-1"
    assert "null_threshold" not in stages(command)["export"]
    assert "--null_score_diff_threshold: of --version_2_with_negative alone" in notes(command)
    assert stages("run_squad.py --version_2_with_negative")["export"]["null_threshold"] == 0.0


def test_no_line_of_a_value_leaves_the_comments() -> None:
    text = recipe_of("run_squad.py --output_dir='a\nname: evil' --master='b\n- c'").text
    head = text[: text.index("name: imported")]
    assert all(line.startswith("#") for line in head.splitlines())
    assert parse_yaml(text)["name"] == "imported-squad-v1"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "run_squad.py --train_batch_size=many",
            "run_squad: --train_batch_size 'many': expected a whole number",
        ),
        ("run_squad.py --learning_rate=nan", "--learning_rate 'nan': expected a number"),
        ("run_squad.py --num_train_epochs=2.5", "'2.5': expected a whole number of epochs"),
        ("run_squad.py --do_train=perhaps", "--do_train 'perhaps': expected true or false"),
        ("run_squad.py --train_file=", "--train_file '': expected a path"),
        ("run_squad.py --train_file=~nobody-here/x", "expected a path"),
        (
            "run_bert_nlu.py --weight_bits=4",
            "run_bert_nlu: --weight_bits '4': expected 8, the only width there is",
        ),
        (
            "run_bert_nlu.py --quant_delay=-1",
            "recipe imported-snips: finetune: key 'quantization.quant_delay' = -1: Input should be",
        ),
        ("run_bert_nlu.py --layer=-2", "--layer '-2': expected the index of a layer from 0"),
        (
            "run_classifier.py --task_name=CoLA",
            "run_classifier: --task_name 'CoLA': expected one of imdb, mrpc",
        ),
        ("run_classifier.py", "run_classifier: --task_name is missing; give it one of imdb, mrpc"),
        (
            "run_squad.py --learning_rate=-1",
            "recipe imported-squad-v1: finetune: key 'learning_rate' = -1.0: Input should be",
        ),
    ],
)
def test_wrong_values(command: str, message: str) -> None:
    assert message in problem(command)
