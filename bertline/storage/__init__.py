"""Local paths, http(s):// and gs:// addresses behind one small interface.

collect brings sources to one local folder, fetch a single one to local disk, fetch_files some
beside one another, unpack opens archives, and sources_digest tells whether contents changed,
without bringing them. What is put into a bucket goes through storage.bucket.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from urllib.parse import urlsplit

from bertline.artifacts import file_sha256, files_of, new_folder
from bertline.errors import StorageError
from bertline.files import check_readable
from bertline.storage import gcs, web
from bertline.storage.archive import is_archive, unpack
from bertline.storage.limits import Limits

__all__ = ["collect", "fetch", "fetch_files", "sources_digest", "unpack"]

DOCUMENTS = (".", "README", "LICENSE", "SHA256SUMS")
"""How the names of files begin that explain data, or that systems put beside it."""
REMOTE = {"http": web, "https": web, "gs": gcs}


def collect(sources: Sequence[str], work: Path, sha256: Sequence[str] = ()) -> Path:
    """A folder with what all `sources` hold: folders, files, and archives unpacked.

    A single local folder is used in place, unless it holds archives and beside them nothing but
    files that explain them. Everything else is brought below `work`: one source into the folder
    that is returned, several into folders of it named by their numbers, and of a folder of
    archives each into a folder of its own name. sha256: of each source, a file then, in hex; empty:
    not checked. Raises StorageError, also for another checksum, for pipes and devices, and beyond
    the `Limits`; what came damaged from an address is not kept.
    """
    data = work / "data"
    with _told(sources):
        for number, (source, expected) in enumerate(zip_longest(sources, sha256)):
            path = fetch(source, work / "fetched" / str(number), expected)
            archives = _archives(path)
            if path.is_dir() and len(sources) == 1 and not archives:
                return path
            target = data / str(number)
            for archive in archives:
                unpack(archive, target if archive == path else target / archive.name)
            if not archives:
                _copy(source, path, target)
    return data / "0" if len(sources) == 1 else data


def fetch(source: str, folder: Path, sha256: str | None = None) -> Path:
    """The local file or folder that `source` names; what is local is used in place.

    What is remote becomes the one thing in `folder`, whole or not at all: a file from http(s)://,
    an object or all objects below a prefix from gs://, whose checksums are compared. sha256: what
    the file must have, in hex. Raises StorageError for what is missing, refused or damaged, and
    OSError for a full disk.
    """
    scheme = _scheme(source)
    if not scheme:
        return _checked(_local(source), source, sha256)
    with new_folder(folder) as new:
        path: Path = _checked(REMOTE[scheme].download(source, new, sha256), source, sha256)
    return folder / path.name


def fetch_files(addresses: Sequence[str], folder: Path) -> Path:
    """`folder`, holding the files at all `addresses` by their last names: all of them or none.

    Raises what `fetch` raises.
    """
    with new_folder(folder) as new:
        for address in addresses:
            scheme = _scheme(address)
            assert scheme, f"{address} is on this disk"
            REMOTE[scheme].download(address, new)
    return folder


def sources_digest(sources: Sequence[str], sha256: Sequence[str] = ()) -> str:
    """SHA-256 in hex of what `sources` hold, found without downloading them.

    Local: names relative to a source and contents. gs://: object names, sizes and checksums.
    http(s)://: the checksum in `sha256`, else the validators that the server gives; without any,
    each call gives another digest. Raises StorageError.
    """
    with _told(sources):
        digests = [_digest(*each) for each in zip_longest(sources, sha256)]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _digest(source: str, sha256: str | None) -> str:
    scheme = _scheme(source)
    if scheme:
        return sha256 or hashlib.sha256(REMOTE[scheme].fingerprint(source).encode()).hexdigest()
    path = _local(source)
    files = files_of(path) if path.is_dir() else [path]
    lines = [f"{file_sha256(file)}  {file.relative_to(path)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@contextlib.contextmanager
def _told(sources: Sequence[str]) -> Iterator[None]:
    """Tells what to get elsewhere where the network is closed."""
    try:
        yield
    except web.Unreachable as error:
        names = " and ".join(web.file_name(source) for source in sources if _scheme(source))
        get = f"download {'it' if len(sources) == 1 else 'all'} on another machine"
        raise StorageError(
            f"{error}; {get} and give --data DIR, a folder that holds {names}"
        ) from None


def _archives(path: Path) -> list[Path]:
    """`path` if it is an archive, the files of a folder if all but DOCUMENTS are; else none."""
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if not file.name.startswith(DOCUMENTS))
    return files if all(file.is_file() and is_archive(file) for file in files) else []


def _copy(source: str, path: Path, folder: Path) -> None:
    """Puts the file, or what the folder holds, into `folder`."""
    files = files_of(path) if path.is_dir() else [path]
    Limits.current().check_size(source, sum(file.stat().st_size for file in files))
    if path.is_dir():
        shutil.copytree(path, folder)
    else:
        folder.mkdir(parents=True)
        shutil.copy(path, folder)


def _checked(path: Path, source: str, sha256: str | None) -> Path:
    """`path`; raises StorageError if it is not the file with this checksum."""
    if sha256 is None:
        return path
    if path.is_dir():
        raise StorageError(f"{source}: a folder has no SHA-256; name a file or leave it out")
    found = file_sha256(path)
    if found != sha256:
        raise StorageError(
            f"{source}: SHA-256 is {found}, expected {sha256}; get the file again or correct the "
            "checksum"
        )
    return path


def _scheme(source: str) -> str | None:
    """The scheme of an address, or None for a local path."""
    if "://" not in source:
        return None
    try:
        scheme = urlsplit(source).scheme
    except ValueError:
        raise StorageError(f"{source}: is no valid address; check it") from None
    if scheme not in REMOTE:
        known = ", ".join(f"{name}://" for name in REMOTE)
        raise StorageError(f"{source}: {scheme}:// is not supported; use a path or {known}")
    return scheme


def _local(source: str) -> Path:
    path = Path(source).expanduser()
    if not path.exists():
        raise StorageError(f"{source}: no such file or folder; check the path")
    return check_readable(path)
