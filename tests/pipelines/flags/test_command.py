import pytest

from bertline.errors import ConfigError
from pipelines.flags import SCRIPTS
from pipelines.flags.command import read_command

BY_NAME = {name: script for script in SCRIPTS for name in script.names}


def read(command: str) -> tuple[str, dict[str, str]]:
    script, flags = read_command(command, BY_NAME)
    return script.name, flags


def problem(command: str) -> str:
    with pytest.raises(ConfigError) as raised:
        read(command)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    "command",
    [
        "run_squad.py",
        "python run_squad.py",
        "python3 /opt/bert/run_squad.py",
        "/usr/bin/python3.7 -u ./run_squad.py",
        "python3 -m run_squad",
        "python -m mobilebert.run_squad",
        "CUDA_VISIBLE_DEVICES=0 nohup python run_squad.py",
        "export SQUAD_DIR=/data\npython run_squad.py",
    ],
)
def test_a_script_is_found_however_it_is_called(command: str) -> None:
    assert read(f"{command} --doc_stride=128") == ("run_squad", {"doc_stride": "128"})


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("mo", "mo"),
        ("mo_tf.py", "mo"),
        ("python -m openvino.tools.mo", "mo"),
        ("tflite_convert", "tflite_convert"),
        ("toco", "tflite_convert"),
    ],
)
def test_converters_have_several_names(name: str, script: str) -> None:
    assert read(name) == (script, {})


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ("--doc_stride=128", {"doc_stride": "128"}),
        ("--doc_stride 128", {"doc_stride": "128"}),
        ("-doc_stride=128", {"doc_stride": "128"}),
        ("--doc_stride=128 --doc_stride=64", {"doc_stride": "64"}),
        ("--null_score_diff_threshold -1.5", {"null_score_diff_threshold": "-1.5"}),
        ("--do_train", {"do_train": "true"}),
        ("--do_train=False", {"do_train": "False"}),
        ("--nodo_train --doc_stride=1", {"do_train": "false", "doc_stride": "1"}),
        ("--train_file='/my data/a=b.json'", {"train_file": "/my data/a=b.json"}),
        ('--train_file "/my data/é.json"', {"train_file": "/my data/é.json"}),
        ("--train_file=${A}/$B.json", {"train_file": "${A}/$B.json"}),
        (
            "--output_dir=$HOME/out-$(date '+%Y %m') --do_train",
            {"output_dir": "$HOME/out-$(date '+%Y %m')", "do_train": "true"},
        ),
        ("\\\n  --do_train \\\n  --do_predict", {"do_train": "true", "do_predict": "true"}),
        ("\\\r\n --do_train \\ \n --do_predict \\", {"do_train": "true", "do_predict": "true"}),
        ("--do_train\n--do_predict", {"do_train": "true", "do_predict": "true"}),
        ("--do_train 2>&1 | tee log", {"do_train": "true"}),
        ("--do_train && echo done", {"do_train": "true"}),
        ("--do_train > log", {"do_train": "true"}),
        ("", {}),
    ],
)
def test_forms_of_flags(words: str, flags: dict[str, str]) -> None:
    assert read(f"python3 run_squad.py {words}") == ("run_squad", flags)


def test_letters_stand_for_flags_of_mo() -> None:
    assert read("mo -m bert.pb -o out -b 1")[1] == {
        "input_model": "bert.pb",
        "output_dir": "out",
        "batch": "1",
    }


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "'': no script; known: run_bert_nlu, run_classifier, run_squad,"),
        ("python3", "'python3': no script; known: run_bert_nlu"),
        ("python3 train.py", "'train.py': unknown script; known: run_bert_nlu"),
        (
            "run_squad.py --train_batch=3",
            "run_squad: unknown flag --train_batch; did you mean 'train_batch_size'?",
        ),
        ("run_squad.py --nodoc_stride", "run_squad: unknown flag --nodoc_stride; did you mean"),
        ("run_squad.py --nodo_train=true", "run_squad: unknown flag --nodo_train; did you mean"),
        ("mo -z", "mo: unknown flag --z; known: input_model"),
        ("run_squad.py --doc_stride", "run_squad: --doc_stride has no value; give it a whole"),
        ("run_squad.py --doc_stride --do_train", "run_squad: --doc_stride has no value"),
        (
            "run_squad.py --do_lower_case False",
            "run_squad: 'False' after --do_lower_case is no flag; write --flag=value",
        ),
        ("run_squad.py --train_file='a", "No closing quotation; close what is open"),
        ("run_squad.py \0", "characters that cannot be printed; remove them"),
    ],
)
def test_what_cannot_be_read(command: str, message: str) -> None:
    assert message in problem(command)
