"""docs/flags.md as the tables and the command make it.

python -m pipelines.flags.document writes the file again: each table, and what each of its example
commands becomes.
"""

import re
from pathlib import Path

from bertline.artifacts import write_text
from pipelines.flags import SCRIPTS, recipe_of
from pipelines.flags.flag import Flag, Script

FILE = Path(__file__).parents[2] / "docs" / "flags.md"
TABLE = re.compile(r"(<!-- flags of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
EXAMPLE = re.compile(r"(```sh\n(.+?)```\n\nbecomes\n\n```\w+\n).*?(```)", re.DOTALL)


def rewritten(text: str) -> str:
    """The document with its tables and outputs made again from the code."""
    scripts = {script.name: script for script in SCRIPTS}
    text = TABLE.sub(lambda found: found[1] + table(scripts[found[2]]) + found[3], text)
    return EXAMPLE.sub(lambda found: found[1] + recipe_of(found[2]).text + found[3], text)


def table(script: Script) -> str:
    """The flags of a script as a Markdown table: flag, setting, note."""
    lines = ["| flag | bertline | note |", "|---|---|---|"]
    lines += [f"| `--{flag.name}` | {_place(flag)} | {_note(flag)} |" for flag in script.flags]
    return "\n".join(lines) + "\n"


def _place(flag: Flag) -> str:
    if flag.setting:
        return f"`{flag.setting}`"
    return f"not built yet: stage `{flag.planned}`" if flag.planned else "–"


def _note(flag: Flag) -> str:
    default = f"default {flag.default_text}" if flag.default_text else ""
    return "; ".join(filter(None, (flag.note, default)))


if __name__ == "__main__":
    write_text(FILE, rewritten(FILE.read_text(encoding="utf-8")))
