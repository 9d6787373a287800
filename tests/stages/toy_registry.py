"""Versions of the toy model in a registry, as publish makes them."""

import shutil
from pathlib import Path

from bertline.drift.profile import Profile
from bertline.features.spec import TokenizerSpec
from bertline.features.tokenizer import Tokenizer
from bertline.publishing.registry import add_version


def publish_toy(model: Path | str, folder: Path, examples: Path | None = None) -> int:
    """The number of a new version of `model`: the files of `folder` and a profile of `examples`."""

    def fill(version: Path) -> None:
        shutil.copytree(folder, version, dirs_exist_ok=True)
        if examples:
            tokenizer = Tokenizer.from_vocab(folder / "vocab.txt", TokenizerSpec())
            Profile.of(examples, tokenizer).write(version)

    return add_version(model, f"{examples}", fill)
