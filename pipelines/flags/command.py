"""A command line as people keep it (a README's, a shell history's) → script and flags."""

import re
import shlex
from collections import deque
from collections.abc import Mapping
from pathlib import PurePosixPath

from bertline.config import nearest
from bertline.errors import ConfigError
from pipelines.flags.flag import BOOLEAN, VARIABLE, Flag, Script

CONTINUED = re.compile(r"\\[ \t]*\r?\n")
BEFORE_SCRIPT = re.compile(r"\w+=.*|export|env|nohup|time|-u|(.*/)?python[\d.]*")
OPERATOR = re.compile(r"\d?[|&;<>].*")
FLAG = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)


def read_command(command: str, scripts: Mapping[str, Script]) -> tuple[Script, dict[str, str]]:
    """The script that `command` calls and its flags, name → text; booleans are "true" or "false".

    scripts: by all of their names. What stands before the script (an interpreter, variables) and
    from a pipe or redirection on is passed over; of a repeated flag the last counts. Raises
    ConfigError for an unknown script or flag (naming the nearest), a missing value, and what is no
    flag.
    """
    words = deque(_words(command))
    while words and BEFORE_SCRIPT.fullmatch(words[0]):
        words.popleft()
    is_module = bool(words) and words[0] == "-m"
    if is_module:
        words.popleft()
    if not words:
        raise ConfigError(f"{command.strip()!r:.60}: no script; known: {_listed(scripts)}")
    path = words.popleft()
    name = path.rpartition(".")[2] if is_module else PurePosixPath(path).name.removesuffix(".py")
    if name not in scripts:
        raise ConfigError(f"{path!r}: unknown script; known: {_listed(scripts)}")
    return scripts[name], _flags(scripts[name], words)


def _words(command: str) -> list[str]:
    """The words of a command line, up to its first operator, variables as they are."""
    if not all(letter.isprintable() or letter in "\t\r\n" for letter in command):
        raise ConfigError(f"{command!r:.60}: characters that cannot be printed; remove them")
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        # A command in $(…) has spaces and quotes of its own.
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    text = VARIABLE.sub(keep, CONTINUED.sub(" ", command.strip().rstrip("\\")))
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"{command.strip()!r:.60}: {error}; close what is open") from None
    for place, word in enumerate(words):
        if OPERATOR.fullmatch(word):
            del words[place:]
            break
    put_back = (re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], word) for word in words)
    return [word for word in put_back if word.strip()]


def _flags(script: Script, words: deque[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    before = script.name
    while words:
        word = words.popleft()
        match = FLAG.fullmatch(word)
        if not match:
            raise ConfigError(
                f"{script.name}: {word!r} after {before} is no flag; write --flag=value"
            )
        before = word
        flag, text = _flag(script, match[1], match[2])
        if text is None:
            if not words or words[0].startswith("--"):
                raise ConfigError(
                    f"{script.name}: --{flag.name} has no value; give it {flag.kind.expected}"
                )
            text = words.popleft()
        given[flag.name] = text
    return given


def _flag(script: Script, name: str, text: str | None) -> tuple[Flag, str | None]:
    """The row of a flag as written, and its text if that is in the same word."""
    table = script.table
    name = script.short.get(name, name)
    flag = table.get(name)
    if flag is None:
        flag = table.get(name.removeprefix("no"))
        if flag is None or flag.kind is not BOOLEAN or text is not None:
            raise ConfigError(f"{script.name}: unknown flag --{name}; {nearest(name, list(table))}")
        return flag, "false"
    return flag, "true" if flag.kind is BOOLEAN and text is None else text


def _listed(scripts: Mapping[str, Script]) -> str:
    return ", ".join(scripts)
