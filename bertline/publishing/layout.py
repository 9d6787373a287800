"""How a version folder lies on the disk, so that model servers find their file in it.

<registry>/<name>/<version>/
    saved_model.pb, variables/   the SavedModel itself: TensorFlow Serving takes it from here
    model.xml, model.bin         the smallest OpenVINO file: OpenVINO Model Server looks for
                                 these first, and only beside one another in the version folder
    openvino_…/, litert_….tflite the other files, as in the exported folder; so openvino_…_text/
    model.json, vocab.txt        what texts and answers need; exports.json has the new paths
    model_card.md, report.html, metrics.json, verdict.json
    profile.json                 what the data was like (see drift.profile)

Both servers are pointed at <registry>/<name> and serve the highest version.
"""

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from bertline.artifacts import Manifest
from bertline.export.listing import FILE_NAME, ExportedFile, Exports


def lay_out(
    exported: Path, manifest: Manifest, names: Collection[str], target: Path
) -> dict[str, str]:
    """Copies an exported folder into folder `target`, of its model files only those in `names`.

    Returns the checksums of the copies in the manifest: path in `target` → SHA-256 in hex.
    """
    exports = Exports.read(exported)
    files = [file for file in exports.files if file.name in names]
    places = dict(_places(files))
    tops = {top: file for file in exports.files for top in _tops(file)}
    copied = {}
    for name, sha256 in manifest.files.items():
        path = PurePosixPath(name)
        file = tops.get(path.parts[0])
        if name == FILE_NAME or (file is not None and file not in files):
            continue
        if file is not None and path.is_relative_to(_tops(file)[0]):
            path = path if places[file.name] == file.path else path.relative_to(_tops(file)[0])
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(exported / name, target / path)
        copied[str(path)] = sha256
    moved = [file.model_copy(update={"path": places[file.name]}) for file in files]
    listing = exports.model_copy(update={"files": tuple(moved)})
    listing.write(target)
    return copied


def _tops(file: ExportedFile) -> list[str]:
    """The entries of the exported folder that a file consists of, its own before that for texts."""
    return [Path(path).parts[0] for path in (file.path, file.text_path) if path is not None]


def _places(files: Collection[ExportedFile]) -> Iterator[tuple[str, str]]:
    """(name, path in the version folder) of each file."""
    openvino = [file for file in files if file.runtime == "openvino"]
    smallest = min(openvino, key=lambda file: file.size_bytes, default=None)
    for file in files:
        if file.runtime == "saved_model":
            yield file.name, "."
        elif file == smallest:
            yield file.name, Path(file.path).name
        else:
            yield file.name, file.path
