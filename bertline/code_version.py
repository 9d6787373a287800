"""A hash of the code that a stage runs: when it is unchanged, so is what the stage does.

It covers the module, every module of bertline that it imports, directly or not, inside functions
too, the data files beside those modules, and requirements.txt where it lies beside the package.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from bertline.artifacts import file_sha256

ROOT = Path(__file__).parent.parent
LOCK_FILE = "requirements.txt"
NO_LIBRARY = {"__pycache__", "_command"}
_MODULE_NAME = re.compile(r"bertline(\.\w+)+\.?")


def code_version(module: str, root: Path = ROOT) -> str:
    """SHA-256 in hex of the source files that importing and running `module` can reach.

    root: the folder that holds the package `bertline`.
    """
    files = sources(module, root)
    lock = root / LOCK_FILE
    if lock.is_file():
        files.add(lock)
    return _digest(files, root)


def package_version(root: Path = ROOT) -> str:
    """SHA-256 in hex of every file of the library, wherever it is installed.

    What the command consists of is left out: it is inside the package only where that is installed.
    """
    inside = [file.relative_to(root) for file in (root / "bertline").rglob("*")]
    files = [root / file for file in inside if not NO_LIBRARY.intersection(file.parts)]
    return _digest((file for file in files if file.is_file()), root)


def sources(module: str, root: Path = ROOT) -> set[Path]:
    """The files below `root`/bertline that `module` is made of.

    Names in strings count as imports: "bertline.datasets.snips" is that module, and a string that
    ends in a dot, as the start of an f-string may, is all of a package. bertline/__init__.py counts
    but is not followed: it only offers modules by name.
    """
    found: set[Path] = set()
    names = [module]
    while names:
        file = _file(names.pop(), root)
        if file is None or file in found:
            continue
        found.add(file)
        if file.parent != root / "bertline":
            found.update(f for f in file.parent.iterdir() if f.is_file() and f.suffix != ".py")
        names += _imports(file, file.read_bytes(), root)
    return found


def _digest(files: Iterable[Path], root: Path) -> str:
    listing = "".join(f"{file_sha256(f)} {f.relative_to(root)}\n" for f in sorted(files))
    return hashlib.sha256(listing.encode()).hexdigest()


@functools.cache
def _imports(file: Path, source: bytes, root: Path) -> tuple[str, ...]:
    """Dotted names in `source` that may be modules of bertline, and the package it lies in."""
    if file == root / "bertline" / "__init__.py":
        return ()
    package = file.parent if file.stem != "__init__" else file.parent.parent
    names = {".".join(package.relative_to(root).parts)}
    for node in ast.walk(ast.parse(source, filename=str(file))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: modules of bertline are imported by their full name"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.update(_named(node.value, root))
    return tuple(sorted(names))


def _named(text: str, root: Path) -> list[str]:
    """The modules that a string names: none, one, or all of a package."""
    if not _MODULE_NAME.fullmatch(text):
        return []
    if not text.endswith("."):
        return [text]
    folder = root.joinpath(*text.rstrip(".").split("."))
    return [f"{text}{file.stem}" for file in folder.glob("*.py")]


def _file(name: str, root: Path) -> Path | None:
    """The source of module `name`; None for what is not a module of bertline."""
    if name.partition(".")[0] != "bertline":
        return None
    path = root.joinpath(*name.split("."))
    for file in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


if __name__ == "__main__":
    print(package_version())
