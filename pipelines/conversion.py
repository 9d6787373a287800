"""`bertline convert`: a checkpoint or somebody's graph straight to files."""

from collections.abc import Iterator
from pathlib import Path

from bertline.artifacts import MANIFEST
from bertline.errors import ConfigError
from bertline.export.listing import FILE_NAME, Exports
from bertline.files import naming
from bertline.keras_import import import_keras
from bertline.leftovers import temporary_folder
from bertline.stages import convert as stage
from bertline.stages import import_checkpoint
from bertline.stages.execute import run
from bertline.storage import fetch


def convert(checkpoint: str, settings: stage.Settings, output: Path) -> None:
    """Writes `output`, an exported folder, from what the user names.

    checkpoint: what import_checkpoint takes, or a model folder, an encoder artifact, a SavedModel
    or a frozen .pb, on disk or at a gs:// address. Raises what the stages raise, and ConfigError
    for an output folder that holds something else.
    """
    if output.exists() and not _is_replaceable(output):
        raise ConfigError(f"{output}: exists and is no folder of ours; give a new one")
    import_keras()
    with temporary_folder() as folder:
        if stage.is_source(checkpoint):
            source = fetch(checkpoint, folder / "source")
            with naming(checkpoint, source):
                run("convert", settings.to_json(), {"source": source, "exported": output})
            return
        encoder = folder / "encoder"
        import_checkpoint.run(import_checkpoint.Settings(checkpoint=checkpoint), encoder=encoder)
        # The user knows the checkpoint, not the folder that was made of it.
        with naming(checkpoint, encoder):
            run("convert", settings.to_json(), {"source": encoder, "exported": output})


def listed(exported: Path) -> Iterator[str]:
    """A line for each file of an exported folder: where it is and how large."""
    for file in Exports.read(exported).files:
        yield f"{exported / file.path} ({file.size_bytes / 1e6:.1f} MB)"


def _is_replaceable(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return {MANIFEST, FILE_NAME} <= {entry.name for entry in folder.iterdir()} or not any(
        folder.iterdir()
    )
