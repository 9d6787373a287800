import tarfile
from pathlib import Path

from samples import grammar
from samples.templates import HERE

DATA = ("snips", "imdb", "mrpc", "squad-v1", "squad-v2", "text")


def contents(root: Path) -> dict[str, bytes]:
    """The data files below `root`; an archive's members for it: compressors differ."""
    found: dict[str, bytes] = {}
    for file in (file for folder in DATA for file in (root / folder).rglob("*") if file.is_file()):
        name = str(file.relative_to(root))
        if file.suffix != ".gz":
            found[name] = file.read_bytes()
            continue
        with tarfile.open(file) as archive:
            for member in archive:
                stream = archive.extractfile(member)
                assert stream is not None
                found[f"{name}/{member.name}"] = stream.read()
    return found


def test_the_committed_files_are_what_the_grammars_write(tmp_path: Path) -> None:
    grammar.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*DATA}
    written, committed = contents(tmp_path), contents(HERE)
    assert [*written] and written.keys() == committed.keys()
    changed = [name for name in written if written[name] != committed[name]]
    assert changed == [], "run python -m samples.grammar"
