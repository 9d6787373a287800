from pathlib import Path

import pytest

from bertline.code_version import ROOT, code_version, package_version, sources

PACKAGE = {
    "bertline/__init__.py": "from bertline.offered import x",
    "bertline/offered.py": "",
    "bertline/stages/__init__.py": "",
    "bertline/stages/train.py": "import os\nfrom bertline.training import fit\n",
    "bertline/training/__init__.py": "",
    "bertline/training/fit.py": (
        "def fit():\n    from bertline.tasks import TASKS\n    import bertline.lazy\n"
    ),
    "bertline/training/notes.txt": "data beside the module",
    "bertline/tasks.py": 'READER = "bertline.readers.snips"\nf"bertline.kinds.{READER}"\n',
    "bertline/lazy.py": "",
    "bertline/readers/__init__.py": "",
    "bertline/readers/snips.py": "import bertline.lazy as _",
    "bertline/readers/imdb.py": "",
    "bertline/kinds/__init__.py": "",
    "bertline/kinds/one.py": "",
    "bertline/other/__init__.py": "",
    "bertline/other/module.py": "import bertline.stages.train",
    "bertline/other/data.txt": "",
    "requirements.txt": "numpy==2",
    "README.md": "",
}
REACHED = {
    "bertline/__init__.py",
    "bertline/stages/__init__.py",
    "bertline/stages/train.py",
    "bertline/training/__init__.py",
    "bertline/training/fit.py",
    "bertline/training/notes.txt",
    "bertline/tasks.py",
    "bertline/lazy.py",
    "bertline/readers/__init__.py",
    "bertline/readers/snips.py",
    "bertline/kinds/__init__.py",
    "bertline/kinds/one.py",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_sources_are_what_the_module_reaches(root: Path) -> None:
    found = {str(file.relative_to(root)) for file in sources("bertline.stages.train", root)}
    assert found == REACHED


@pytest.mark.parametrize("name", PACKAGE)
def test_version_changes_with_reached_files_and_the_lock_only(root: Path, name: str) -> None:
    before = code_version("bertline.stages.train", root)
    assert code_version("bertline.stages.train", root) == before
    (root / name).write_text(PACKAGE[name] + "\n# changed\n")
    changed = code_version("bertline.stages.train", root) != before
    assert changed == (name in REACHED or name == "requirements.txt")


def test_new_import_is_seen(root: Path) -> None:
    before = code_version("bertline.stages.train", root)
    (root / "bertline/lazy.py").write_text("import bertline.other.module\n")
    followed = code_version("bertline.stages.train", root)
    (root / "bertline/other/module.py").write_text("x = 1\n")
    assert len({before, followed, code_version("bertline.stages.train", root)}) == 3


def test_does_not_depend_on_the_place(root: Path, tmp_path: Path) -> None:
    before = code_version("bertline.stages.train", root)
    assert code_version("bertline.stages.train", root.rename(tmp_path.parent / "moved")) == before


def test_lock_file_is_optional(root: Path) -> None:
    (root / "requirements.txt").unlink()
    assert len(code_version("bertline.stages.train", root)) == 64


def test_of_this_project() -> None:
    found = {str(file.relative_to(ROOT)) for file in sources("bertline.stages.tokenize")}
    assert "bertline/features/tokenizer.py" in found
    assert not {name for name in found if "evaluation" in name or "training" in name}


@pytest.mark.parametrize("name", PACKAGE)
def test_version_of_the_package_is_of_all_its_files(root: Path, name: str) -> None:
    before = package_version(root)
    (root / "bertline/__pycache__").mkdir()
    (root / "bertline/__pycache__/tasks.pyc").write_text("compiled")
    assert package_version(root) == before
    (root / name).write_text(PACKAGE[name] + "\n# changed\n")
    assert (package_version(root) != before) == name.startswith("bertline/")
