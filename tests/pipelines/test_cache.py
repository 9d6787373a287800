"""The cache by itself; tests/pipelines/test_local.py has it in kfp's hands."""

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from bertline.artifacts import new_artifact
from pipelines.cache import RunCache


@pytest.fixture
def told() -> list[str]:
    """The lines on entries that could not be used."""
    return []


@pytest.fixture
def cache(tmp_path: Path, told: list[str]) -> RunCache:
    return RunCache(tmp_path, tmp_path / "cache", told.append)


def write(path: Path, text: str = "weights") -> dsl.Model:
    with new_artifact(path, "model") as folder:
        (folder / "weights").write_text(text)
    return dsl.Model(name="model", uri=str(path), metadata={})


def key_of(cache: RunCache, **arguments: Any) -> str:
    return cache.compute_key("comp-fine-tune", "image", ["sh"], arguments, {}, "fingerprint")


def kept(cache: RunCache, root: Path) -> tuple[str, Path]:
    """The key of a stage whose outputs are kept, and its entry."""
    key = key_of(cache)
    (root / "page").write_text("<html>")
    page = dsl.HTML(name="page", uri=str(root / "page"), metadata={})
    cache.put(key, {"model": write(root / "model"), "page": page, "Output": "train"})
    return key, root / "cache" / f"{key}.json"


def test_what_was_kept_is_given(cache: RunCache, tmp_path: Path) -> None:
    key, entry = kept(cache, tmp_path)
    found = cache.get(key)
    assert found is not None
    assert found["Output"] == "train"
    assert isinstance(found["model"], dsl.Model)
    assert [found[name].uri for name in ("model", "page")] == [
        str(tmp_path / "model"),
        str(tmp_path / "page"),
    ]
    assert cache.outputs == {"fine_tune": found}
    assert str(tmp_path) not in entry.read_text()
    assert cache.get(key_of(cache, model=found["model"])) is None


def test_no_damaged_byte_comes_out(cache: RunCache, tmp_path: Path, told: list[str]) -> None:
    key, entry = kept(cache, tmp_path)
    whole = entry.read_bytes()
    files = [entry, tmp_path / "page", *(tmp_path / "model").iterdir()]
    for file in files:
        content = file.read_bytes()
        for place in range(0, len(content), 3):
            flipped = bytearray(content)
            flipped[place] ^= 1 << place % 8
            file.write_bytes(flipped)
            told.clear()
            assert cache.get(key) is None, (file, place)
            (line,) = told
            assert line.startswith(str(tmp_path))
            assert line.endswith("; fine_tune runs again")
            assert not entry.exists()
            file.write_bytes(content)
            entry.write_bytes(whole)
        assert cache.get(key) is not None


def test_a_key_tells_contents_and_not_places(cache: RunCache, tmp_path: Path) -> None:
    one, same = write(tmp_path / "a"), write(tmp_path / "b/c")
    other = write(tmp_path / "d", "other weights")
    assert key_of(cache, model=one) == key_of(cache, model=same)
    assert key_of(cache, model=one) != key_of(cache, model=other)
    assert key_of(cache, parts=[one, other]) == key_of(cache, parts=[same, other])
    assert key_of(cache, parts=[one, other]) != key_of(cache, parts=[other, one])
    # The fingerprint has what else decides, and a registry may lie elsewhere.
    assert key_of(cache, registry="/a") == key_of(cache, registry="/b")


def test_the_turns_of_a_loop_have_a_key_each(cache: RunCache) -> None:
    first, second, of_other_code = (
        cache.compute_key("comp-tokenize", "", [], {"shard": shard}, {"PRINT": code}, None)
        for shard, code in ((0, "a"), (1, "a"), (0, "b"))
    )
    assert len({first, second, of_other_code}) == 3
