"""Command lines of the projects that bertline follows → recipes. One table of flags a script."""

from dataclasses import dataclass
from typing import Any

from bertline.errors import ConfigError
from pipelines.flags import classifier, model_optimizer, nlu, pretraining, squad, tflite
from pipelines.flags.command import read_command
from pipelines.flags.flag import VARIABLE, Flag, Script

SCRIPTS = (
    nlu.SCRIPT,
    classifier.SCRIPT,
    squad.SCRIPT,
    pretraining.SCRIPT,
    model_optimizer.SCRIPT,
    tflite.SCRIPT,
)


@dataclass(frozen=True)
class ImportedRecipe:
    """What a command line is here.

    notes: a line for each flag without a setting, and for what was taken instead of what the
    command does not say. body: a recipe's YAML, a `bertline convert` line, or nothing.
    """

    command: str
    notes: tuple[str, ...]
    body: str

    @property
    def text(self) -> str:
        """The body under comments that hold the command and the notes."""
        lines = ["imported from", *(f"  {line}" for line in self.command.strip().splitlines())]
        if self.notes:
            # A quoted value may have lines of its own, none of which may leave the comment.
            lines += ["", *"\n".join(self.notes).splitlines()]
        return "".join(f"# {line}".rstrip() + "\n" for line in lines) + self.body


def recipe_of(command: str) -> ImportedRecipe:
    """What a command line of one of SCRIPTS is here, its settings checked.

    Raises ConfigError for an unknown script or flag (naming the nearest), a value that the flag or
    the setting does not take, and a flag that is needed and missing.
    """
    script, texts = read_command(
        command, {name: script for script in SCRIPTS for name in script.names}
    )
    given = {name: _value(script, script.table[name], text) for name, text in texts.items()}
    notes = [_note(script.table[name], text, given[name]) for name, text in texts.items()]
    settings: dict[str, Any] = {}
    defaults = []
    for flag in script.flags:
        if not flag.setting or flag.combined:
            continue
        value = given.get(flag.name)
        if flag.name not in given and flag.default is not None:
            value = flag.default
            defaults.append(f"--{flag.name}={flag.default_text}")
        if value is not None:
            settings[flag.setting] = value
    combined = script.combine(given)
    if defaults:
        notes.append(f"the script's defaults: {', '.join(defaults)}")
    body = script.write(combined.settings | settings)
    notes += [*combined.notes, *_variables(body)]
    return ImportedRecipe(command, tuple(filter(None, notes)), body)


def _value(script: Script, flag: Flag, text: str) -> Any:
    try:
        return flag.kind.parse(text)
    except ValueError:
        raise ConfigError(
            f"{script.name}: --{flag.name} {text!r}: expected {flag.kind.expected}"
        ) from None


def _note(flag: Flag, text: str, value: Any) -> str:
    """What the user is told of a flag, nothing if it is a setting."""
    if flag.setting:
        return ""
    reason = flag.note
    if flag.planned and value is False:
        reason = "nothing to do"
    elif flag.planned:
        reason = f"not built yet (stage {flag.planned})" + (f"; {reason}" if reason else "")
    return f"--{flag.name}{'' if value is True else f'={text}'}: {reason}"


def _variables(body: str) -> list[str]:
    """What is to be done about variables in a recipe; in a command line the shell replaces them."""
    names = list(dict.fromkeys(VARIABLE.findall(body)))
    if not names or body.startswith("bertline "):
        return []
    return [f"{', '.join(names)}: a recipe has no variables; put in the values (envsubst does)"]
