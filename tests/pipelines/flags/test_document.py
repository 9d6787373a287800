import pytest

from pipelines.flags import SCRIPTS, recipe_of
from pipelines.flags.command import read_command
from pipelines.flags.document import EXAMPLE, FILE, rewritten, table
from pipelines.flags.flag import Script

TEXT = FILE.read_text(encoding="utf-8")
EXAMPLES = [found[2] for found in EXAMPLE.finditer(TEXT)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_tables_are_those_of_the_code(script: Script) -> None:
    assert f"<!-- flags of {script.name} -->\n{table(script)}<!-- end -->" in TEXT


@pytest.mark.parametrize(
    ("script", "example"),
    [
        pytest.param(script, example, id=script.name)
        for script, example in zip(SCRIPTS, EXAMPLES, strict=True)
    ],
)
def test_the_examples_are_what_is_printed(script: Script, example: str) -> None:
    assert read_command(example, dict.fromkeys(script.names, script))[0] is script
    assert f"```sh\n{example}```\n\nbecomes\n\n" in TEXT
    assert f"\n{recipe_of(example).text}```\n" in TEXT


def test_the_document_is_up_to_date() -> None:
    assert rewritten(TEXT) == TEXT


def test_what_is_out_of_date_is_written_again() -> None:
    old = "<!-- flags of run_squad -->\n| `--gone` |\n<!-- end -->\n\n```sh\nrun_squad.py\n```\n\n"
    new = rewritten(f"{old}becomes\n\n```yaml\nname: old\n```\n")
    assert table(SCRIPTS[2]) in new
    assert "--gone" not in new
    assert f"```yaml\n{recipe_of('run_squad.py').text}```\n" in new
