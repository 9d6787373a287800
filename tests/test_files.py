import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bertline.artifacts import new_folder, write_text
from bertline.errors import StorageError
from bertline.files import check_readable, new_file
from tests.storage.contents import files_below


@pytest.fixture
def specials(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """What is neither a file nor a folder, and links to it."""
    pipe, place = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(place))
        yield {"pipe": pipe, "link": link, "device": Path("/dev/zero"), "socket": place}


KINDS = ("pipe", "link", "device", "socket")


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_never_end_is_not_read(specials: dict[str, Path], kind: str) -> None:
    path = specials[kind]
    with pytest.raises(StorageError, match=f"^{path}: is a .*; give a file or a folder of files"):
        check_readable(path)


def test_nor_is_what_holds_such(specials: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "data/inner"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("1")
    (folder / "gone").symlink_to("nowhere")
    assert check_readable(tmp_path / "data") == tmp_path / "data"
    (folder / "b.txt").symlink_to(specials["pipe"])
    with pytest.raises(StorageError, match=f"^{folder / 'b.txt'}: is a named pipe"):
        check_readable(tmp_path / "data")


def a_file(path: Path) -> None:
    write_text(path, "new")


def a_folder(path: Path) -> None:
    with new_folder(path) as folder:
        (folder / "a.txt").write_text("new")


WRITERS = [a_file, a_folder]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_not_replaced(
    specials: dict[str, Path], kind: str, write: Callable[[Path], None]
) -> None:
    path = specials[kind]
    before = path.lstat()
    with pytest.raises(StorageError, match=f"^{path}: is a .* and is not replaced; give the path"):
        write(path)
    assert (path.lstat().st_mode, path.lstat().st_ino) == (before.st_mode, before.st_ino)


def test_a_folder_and_a_file_do_not_replace_each_other(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("old")
    folder.mkdir()
    with pytest.raises(StorageError, match="folder: is a folder and is not replaced; .* a file"):
        a_file(folder)
    with pytest.raises(StorageError, match="file: is a file and is not replaced; .* a folder"):
        a_folder(file)
    assert files_below(tmp_path) == {"file": b"old"}


def test_links_stay_and_what_they_name_is_replaced(tmp_path: Path) -> None:
    real, links = tmp_path / "real", tmp_path / "links"
    links.mkdir()
    a_folder(real / "folder")
    a_file(real / "file")
    for name in ("file", "folder", "new file", "new folder"):
        (links / name).symlink_to(real / name)
    (real / "file").write_text("old")
    (real / "folder/old").write_text("old")
    a_file(links / "file")
    a_folder(links / "folder")
    a_file(links / "new file")
    a_folder(links / "new folder")
    new = {"file": b"new", "folder/a.txt": b"new"}
    new |= {f"new {name}": content for name, content in new.items()}
    assert files_below(real) == new
    assert all(path.is_symlink() for path in links.iterdir())
    assert {path.name for path in links.iterdir()} == {path.name for path in real.iterdir()}


@pytest.mark.parametrize("write", WRITERS)
def test_a_link_to_itself_is_told(tmp_path: Path, write: Callable[[Path], None]) -> None:
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(StorageError, match="link: a link that leads to itself"):
        write(tmp_path / "link")


def test_an_error_names_the_path_that_was_given(tmp_path: Path) -> None:
    path = tmp_path / "nowhere/file"
    with pytest.raises(FileNotFoundError) as raised:
        a_file(path)
    assert raised.value.filename == str(path)


def test_errors_in_a_new_folder_name_its_path(tmp_path: Path) -> None:
    path = tmp_path / "made"
    with pytest.raises(StorageError, match=f"^{path}/inner/a: damaged$"), new_folder(path) as new:
        raise StorageError(f"{new}/inner/a: damaged")
    with pytest.raises(FileNotFoundError) as raised, new_folder(path) as new:
        (new / "inner/a").open("w")
    assert raised.value.filename == f"{path}/inner/a"


def test_a_full_disk_is_named_where_a_stream_does_not(tmp_path: Path) -> None:
    for open_new in (new_file, new_folder):
        path = tmp_path / "made"
        with (
            pytest.raises(OSError, match="No space") as raised,
            open_new(path),
            Path("/dev/full").open("w") as stream,
        ):
            stream.write("x" * 100_000)
        assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
        assert not list(tmp_path.iterdir())
