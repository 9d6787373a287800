"""Whatever flags of a script are given: what is printed is valid, and no flag is lost."""

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.flags import SCRIPTS, recipe_of
from pipelines.flags.flag import EPOCHS, NUMBER, PATH, TEXT, WHOLE, Flag, Script
from pipelines.flags.nlu import LAYER
from pipelines.recipe import Recipe
from pipelines.yaml_text import parse_yaml
from tests.pipelines.test_yaml_text import TRAPS

TRAINING = [script for script in SCRIPTS if script.name.startswith("run_")]
CONVERTERS = [script for script in SCRIPTS if script not in TRAINING]
NEEDED = {"run_classifier": "task_name", "mo": "input_model", "tflite_convert": "graph_def_file"}

texts = st.text(alphabet="abcXYZ09é/_.$ #:-\n", min_size=1) | st.sampled_from(
    # A single backquote is the beginning of a command to the shell.
    [trap for trap in TRAPS if trap.strip(" `x") and trap.replace("\n", "").isprintable()]
)
OF_KINDS = {
    WHOLE: st.integers(3, 512).map(str),
    NUMBER: st.floats(1e-9, 0.5).map(str),
    EPOCHS: st.integers(1, 9).map(float).map(str),
    LAYER: st.integers(-1, 23).map(str),
    TEXT: texts,
    PATH: texts,
}


def values_of(flag: Flag) -> st.SearchStrategy[str]:
    if flag.setting == "CHECKPOINT":
        return texts.map(lambda text: f"{text}.pb")
    return st.sampled_from(flag.kind.choices) if flag.kind.choices else OF_KINDS[flag.kind]


def flags_of(script: Script) -> st.SearchStrategy[dict[str, str]]:
    values = {flag.name: values_of(flag) for flag in script.flags}
    needed = {name: values.pop(name) for name in [NEEDED.get(script.name)] if name}
    return st.fixed_dictionaries(needed, optional=values)


def command_of(script: Script, flags: dict[str, str]) -> str:
    return shlex.join([f"{script.name}.py", *(f"--{name}={flags[name]}" for name in flags)])


def check_that_all_is_told(script: Script, flags: dict[str, str], notes: tuple[str, ...]) -> None:
    for name in flags:
        if not script.table[name].setting:
            assert any(note.startswith(f"--{name}") for note in notes)


@pytest.mark.parametrize("script", TRAINING, ids=lambda script: script.name)
@given(data=st.data())
def test_training_scripts(script: Script, data: st.DataObject) -> None:
    flags = data.draw(flags_of(script))
    imported = recipe_of(command_of(script, flags))
    check_that_all_is_told(script, flags, imported.notes)
    values = parse_yaml(imported.text)
    if not imported.body:
        assert script.name == "run_pretraining"
        assert values is None
        return
    settings = Recipe.parse(values, where="imported").settings()
    for name, text in flags.items():
        flag = script.table[name]
        wanted = flag.kind.parse(text)
        others = {other for other in flags if script.table[other].setting == flag.setting}
        if flag.setting and not flag.combined and others == {name} and wanted is not None:
            stage, _, key = flag.setting.partition(".")
            assert json.loads(settings[stage])[key] == wanted


@pytest.mark.parametrize("script", CONVERTERS, ids=lambda script: script.name)
@given(data=st.data())
def test_converters(script: Script, data: st.DataObject) -> None:
    flags = data.draw(flags_of(script))
    imported = recipe_of(command_of(script, flags))
    check_that_all_is_told(script, flags, imported.notes)
    words = shlex.split(imported.body)
    assert words[:2] == ["bertline", "convert"]
    assert words[2] in flags.values()
