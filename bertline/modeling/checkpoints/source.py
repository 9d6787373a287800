"""What a user calls a checkpoint → its files on this disk."""

import contextlib
import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bertline.errors import CheckpointError, StorageError, UserError
from bertline.files import check_readable
from bertline.leftovers import temporary_folder
from bertline.modeling.checkpoints import packaged
from bertline.modeling.checkpoints.google import CONFIG_FILE, prefix_in
from bertline.modeling.checkpoints.known import KNOWN
from bertline.modeling.families.base import Published
from bertline.storage import fetch, fetch_files, unpack
from bertline.storage.gcs import beginning

_INDEX = "*.ckpt*.index"
# sentence-transformers numbers its modules; the encoder is the first, 0_BERT or 0_Transformer.
_LATER_MODULE = re.compile(r"[1-9]\d*_[A-Z]\w+")
_MARKS = (CONFIG_FILE, "config.json", "*.safetensors", _INDEX)


@dataclass(frozen=True)
class Files:
    """The files of a checkpoint.

    prefix: what the names of a TF1 checkpoint's files begin with; None for Hugging Face's folders.
    config: bert_config.json or config.json. vocab: vocab.txt. known: the row of KNOWN that the name
    of the folder or archive is.
    """

    folder: Path
    prefix: Path | None
    config: Path
    vocab: Path
    known: Published | None


@contextlib.contextmanager
def opened(checkpoint: str, config: str | None, vocab: str | None) -> Iterator[Files]:
    """The files of `checkpoint` until the block ends; what is remote or packed lies in /tmp.

    checkpoint: "packaged", a name of KNOWN, a folder, a zip or tar archive with the folder at any
    depth, or what the names of a TF1 checkpoint's files begin with ("run/model.ckpt-468"); archives
    may be at https:// addresses, all of them at gs:// ones. config, vocab: files or addresses used
    instead of those beside the weights. Raises CheckpointError or StorageError; messages, also
    those of the block, name archives and addresses and not the places in /tmp.
    """
    with temporary_folder() as temporary:
        told = checkpoint
        try:
            prefix = _local_prefix(checkpoint)
            for file in files_behind(checkpoint) if prefix else ():
                check_readable(Path(file))
            if objects := _prefix_objects(checkpoint):
                told, _, first = objects[0].rpartition("/")
                folder = temporary / "fetched" / PurePosixPath(told).name
                prefix = fetch_files(objects, folder) / first.removesuffix(".index")
            folder = prefix.parent if prefix else _folder(checkpoint, temporary)
            if not prefix and (list(folder.glob(_INDEX)) or (folder / CONFIG_FILE).is_file()):
                prefix = prefix_in(folder)
            config_name = CONFIG_FILE if prefix else "config.json"
            yield Files(
                folder=folder,
                prefix=prefix,
                config=fetch(config, temporary / "config") if config else folder / config_name,
                vocab=fetch(vocab, temporary / "vocab") if vocab else folder / "vocab.txt",
                known=_known(checkpoint, folder),
            )
        except UserError as error:
            here = rf"{re.escape(str(temporary))}/(unpacked|fetched/[^/:]+)"
            message = re.sub(here, lambda _: told, str(error))
            for key, address in (("config", config), ("vocab", vocab)):
                place = rf"{re.escape(str(temporary))}/{key}/[^/:]+"
                message = re.sub(place, (address or "").replace("\\", r"\\"), message)
            raise type(error)(message) from None


def files_behind(checkpoint: str) -> list[str]:
    """The paths and addresses whose content decides what `checkpoint` is.

    Empty for a name of KNOWN: what was published does not change.
    """
    if checkpoint in KNOWN:
        return []
    if checkpoint == packaged.NAME:
        return [str(packaged.folder())]
    prefix = _local_prefix(checkpoint)
    if not prefix:
        return _prefix_objects(checkpoint) or [checkpoint]
    beside = [prefix.parent / CONFIG_FILE, prefix.parent / "vocab.txt"]
    own = sorted(prefix.parent.glob(f"{glob.escape(prefix.name)}.*"))
    return [str(file) for file in [*own, *beside] if file.is_file()]


def _folder(checkpoint: str, temporary: Path) -> Path:
    if checkpoint == packaged.NAME:
        return packaged.folder()
    source = _fetched(checkpoint, temporary / "fetched")
    root = source if source.is_dir() else unpack(source, temporary / "unpacked")
    if _is_marked(root):
        return root
    found = [folder for folder in root.rglob("*") if folder.is_dir() and _is_marked(folder)]
    outermost = [folder for folder in found if not set(folder.parents) & set(found)]
    if len(outermost) > 1:
        outermost = [folder for folder in outermost if not _LATER_MODULE.fullmatch(folder.name)]
    if len(outermost) != 1:
        raise CheckpointError(
            f"{checkpoint}: {len(outermost)} folders with a checkpoint ({CONFIG_FILE} and "
            "*.ckpt*.index, or config.json and *.safetensors); give what holds one"
        )
    return outermost[0]


def _fetched(checkpoint: str, folder: Path) -> Path:
    known = KNOWN.get(checkpoint)
    if known is None:
        if "://" not in checkpoint and not Path(checkpoint).expanduser().exists():
            raise CheckpointError(
                f"{checkpoint}: no such file or folder, and no name that `bertline checkpoints` "
                "lists; check it"
            )
        return fetch(checkpoint, folder)
    try:
        return fetch(known.address, folder)
    except StorageError as error:
        reason = str(error).removeprefix(f"{known.address}: ").partition(";")[0]
        raise StorageError(
            f"{checkpoint}: {known.address} {reason}; get this file elsewhere and set "
            "import_checkpoint.checkpoint to its path"
        ) from None


def _local_prefix(checkpoint: str) -> Path | None:
    prefix = Path(checkpoint.removesuffix(".index")).expanduser()
    return prefix if Path(f"{prefix}.index").is_file() else None


def _prefix_objects(checkpoint: str) -> list[str]:
    """The addresses of a TF1 checkpoint's files at gs://, its index first, and of those beside it.

    Empty if `checkpoint` is not what the names of such files begin with.
    """
    if not checkpoint.startswith("gs://"):
        return []
    prefix = checkpoint.removesuffix(".index")
    own = beginning(f"{prefix}.")
    index = f"{prefix}.index"
    if index not in own:
        return []
    folder = prefix.rpartition("/")[0]
    beside = [f"{folder}/{name}" for name in (CONFIG_FILE, "vocab.txt")]
    others = [*own, *(file for file in beside if file in beginning(file))]
    return [index, *(file for file in others if file != index)]


def _is_marked(folder: Path) -> bool:
    return any(next(folder.glob(mark), None) for mark in _MARKS)


def _known(checkpoint: str, folder: Path) -> Published | None:
    archive = PurePosixPath(checkpoint).name.partition(".")[0]
    return KNOWN.get(archive) or KNOWN.get(folder.name)
