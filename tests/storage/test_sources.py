from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertline.errors import StorageError
from bertline.storage import fetch, source_digest


def test_a_local_path_is_used_in_place(tmp_path: Path) -> None:
    assert fetch(str(tmp_path), tmp_path / "fetched") == tmp_path
    assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize("call", [lambda source: fetch(source, Path("unused")), source_digest])
def test_a_missing_path_and_an_unknown_scheme_are_told(
    tmp_path: Path, call: Callable[[str], Any]
) -> None:
    with pytest.raises(StorageError, match="no such file or folder; check the path"):
        call(str(tmp_path / "missing"))
    with pytest.raises(StorageError, match="ftp:// is not supported"):
        call("ftp://host/file.zip")


def test_local_digest_follows_contents_and_names(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "x").write_text("1")
    first = source_digest(str(folder))
    assert source_digest(str(folder.rename(tmp_path / "b"))) == first
    (tmp_path / "b" / "x").rename(tmp_path / "b" / "y")
    second = source_digest(str(tmp_path / "b"))
    (tmp_path / "b" / "y").write_text("2")
    third = source_digest(str(tmp_path / "b"))
    of_file = source_digest(str(tmp_path / "b" / "y"))
    assert len({first, second, third, of_file}) == 4
