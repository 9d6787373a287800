"""compare_data: fresh examples and a registry → whether to train on them, skip or refuse them."""

from collections.abc import Mapping
from pathlib import Path

from bertline.artifacts import MANIFEST, file_sha256, new_artifact, read_manifest, write_text
from bertline.config import Config
from bertline.drift.limits import Limits, check_data
from bertline.drift.profile import FILE_NAME, Profile
from bertline.drift.report import render_drift
from bertline.drift.verdict import Drift
from bertline.errors import DataError
from bertline.features.tokenizer import Tokenizer
from bertline.leftovers import temporary_folder
from bertline.modeling.config import ModelSpec
from bertline.publishing.registry import ModelName, model_address, read_latest, withdrawn
from bertline.publishing.shelf import KIND
from bertline.storage import fetch


class Settings(Config):
    """name: the model's folder in the registry, as publish has it; by default its task's name.

    limits: what the data may be like. skip_unchanged: skip data that the version in use has learnt
    from, or one that was rolled back; false trains on it again.
    """

    name: ModelName | None = None
    limits: Limits = Limits()
    skip_unchanged: bool = True


def run(settings: Settings, *, registry: Path | str, examples: Path, drift: Path) -> None:
    """Writes the artifact `drift`: drift.json (see drift.verdict.Drift) and drift.html.

    registry: a folder, or as text an address gs://<bucket>/…. The manifest tells name, champion
    (the version in use, None for none) and action: "train", "skip" or "refuse". Data that is
    refused is a result; raised are DataError and StorageError for a registry or examples that
    cannot be read.
    """
    name = settings.name or read_manifest(examples, "examples").about["task"]
    model = model_address(registry, name)
    champion = read_latest(model)
    reference, tokenizer = None, None
    with temporary_folder() as work:
        if champion is not None:
            reference = read_profile(model, champion, work)
            tokenizer = read_tokenizer(model, champion, work)
        fresh = Profile.of(examples, tokenizer)
        seen_in = None
        if settings.skip_unchanged:
            rolled_back = sorted(withdrawn(model))
            known = {version: read_profile(model, version, work) for version in rolled_back}
            known |= {} if champion is None else {champion: reference}
            contents = {profile.content: version for version, profile in known.items() if profile}
            seen_in = contents.get(fresh.content)
    found = Drift(
        name=name,
        champion=champion,
        seen_in=seen_in,
        checks=check_data(settings.limits, fresh, reference),
        fresh=fresh,
        reference=reference,
    )
    about = {"name": name, "champion": champion, "action": found.action}
    with new_artifact(drift, "drift", about) as folder:
        found.write(folder)
        write_text(folder / "drift.html", render_drift(found))
    print("\n".join(found.lines()))


def read_profile(model: str, version: int, work: Path) -> Profile | None:
    """What the data of a version was like; None if it was published without a profile."""
    files = _files(model, version, work)
    if FILE_NAME not in files:
        return None
    return Profile.read(_fetched(model, version, FILE_NAME, files, work))


def read_tokenizer(model: str, version: int, work: Path) -> Tokenizer:
    """The tokenizer of a version."""
    files = _files(model, version, work)
    spec = ModelSpec.read(_fetched(model, version, "model.json", files, work).parent)
    vocab = _fetched(model, version, "vocab.txt", files, work)
    return Tokenizer.from_vocab(vocab, spec.encoder)


def _files(model: str, version: int, work: Path) -> dict[str, str]:
    """The files of a version with the checksums in its manifest."""
    manifest = fetch(f"{model}/{version}/{MANIFEST}", work / str(version) / "manifest")
    return read_manifest(manifest.parent, KIND).files


def _fetched(model: str, version: int, name: str, files: Mapping[str, str], work: Path) -> Path:
    """A file of a version on this disk; raises DataError where it is damaged."""
    address = f"{model}/{version}/{name}"
    file = fetch(address, work / str(version) / name)
    if file_sha256(file) != files.get(name):
        raise DataError(
            f"{address}: damaged (its SHA-256 is not the manifest's); bring back a whole copy of "
            f"version {version}, or remove its folder"
        )
    return file
