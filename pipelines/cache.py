"""What stages of earlier runs wrote, found again under what decides it.

kfp's local cache is asked for a key before each task and given the outputs after it. This one is
put in its place (kfp 2.17): its keys hold no paths, its entries have a checksum and name artifacts
relative to the folder of runs, and nothing damaged comes out of it.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from kfp import dsl
from kfp.local import cache as kfp_cache

from bertline.artifacts import digest, file_sha256, read_json, write_json
from bertline.errors import DataError, UserError
from bertline.integrity import Hashes, verify
from pipelines.graph import stage_of

VERIFIED = "verified.json"
"""The file in the cache that lists the files found undamaged."""


class RunCache(kfp_cache.LocalCache):  # type: ignore[misc]
    """The cache of a folder of runs, `root`, as kfp's local runner uses one.

    tell: called with a line on each entry that cannot be used; its stage runs again. outputs: stage
    → output → value of all stages that have run, or were found here, since this was made; of a
    stage in a loop those of its last turn.
    """

    def __init__(self, root: Path, folder: Path, tell: Callable[[str], None]) -> None:
        super().__init__(str(folder))
        self.outputs: dict[str, Mapping[str, Any]] = {}
        self._root, self._folder, self._tell = root, folder, tell
        self._hashes = Hashes(folder / VERIFIED, root)
        self._stages: dict[str, str] = {}

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Lets kfp use this cache while the block runs."""
        with mock.patch.object(kfp_cache, "get_local_cache", lambda: self):
            try:
                yield
            finally:
                with contextlib.suppress(OSError):  # On a full disk files are read again.
                    self._hashes.keep()

    def compute_key(
        self,
        component_name: str,
        image: str,
        full_command: list[str],
        arguments: dict[str, Any],
        env_vars: dict[str, str] | None = None,
        custom_cache_key: str | None = None,
    ) -> str:
        """The key of a task: its stage, its fingerprint and the digests of what it reads.

        A task in a loop has its fingerprint among env_vars, and its parameters count: they tell one
        turn from another.
        """
        read = {
            name: [_contents(Path(artifact.uri)) for artifact in _artifacts({name: value})]
            for name, value in arguments.items()
            if _is_read(value)
        }
        told: Any = custom_cache_key
        if told is None:
            parameters = {name: value for name, value in arguments.items() if name not in read}
            told = [env_vars, parameters]
        parts = json.dumps([component_name, told, read], sort_keys=True)
        key = hashlib.sha256(parts.encode()).hexdigest()
        self._stages[key] = stage_of(component_name.removeprefix("comp-"))
        return key

    def get(self, key: str) -> dict[str, Any] | None:
        """The outputs kept under a key, all files of them verified; None where there are none."""
        file = self._file(key)
        if not file.exists():
            return None
        try:
            outputs: dict[str, Any] = self._deserialize_outputs(self._read(file))
        except UserError as error:
            file.unlink(missing_ok=True)
            problem = str(error).partition(";")[0]
            self._tell(f"{problem}; {self._stages.get(key, 'its stage')} runs again")
            return None
        self.outputs[self._stages[key]] = outputs
        return outputs

    def put(self, key: str, outputs: dict[str, Any]) -> None:
        """Keeps the outputs of a task that has run."""
        self.outputs[self._stages[key]] = outputs
        values = self._moved(self._serialize_outputs(outputs), self._relative)
        contents = {
            self._relative(artifact.uri): _contents(Path(artifact.uri))
            for artifact in _artifacts(outputs)
        }
        entry = {"outputs": values, "contents": contents}
        write_json(self._file(key), {**entry, "sha256": _checksum(entry)})

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def _read(self, file: Path) -> Any:
        """The outputs in an entry, as kfp writes them; raises DataError for what is damaged."""
        entry = read_json(file)
        if entry.pop("sha256", None) != _checksum(entry):
            raise DataError(f"{file}: damaged (its checksum differs)")
        for place, contents in entry["contents"].items():
            path = self._root / place
            if path.is_dir():
                verify(path, hashes=self._hashes)
            if not path.exists() or _contents(path) != contents:
                raise DataError(f"{path}: missing or not what its stage wrote")
        return self._moved(entry["outputs"], lambda place: str(self._root / place))

    def _relative(self, place: str) -> str:
        path = Path(place)
        return str(path.relative_to(self._root)) if path.is_relative_to(self._root) else place

    def _moved(self, values: Any, move: Callable[[str], str]) -> Any:
        """A copy of serialized outputs with `move(uri)` for the place of each artifact."""
        copy = json.loads(json.dumps(values))
        for value in _flat(copy):
            if "uri" in value:
                value["uri"] = move(value["uri"])
        return copy


def _flat(values: Any) -> Iterator[dict[str, Any]]:
    """All objects in a JSON value."""
    if isinstance(values, dict):
        yield values
    for value in values.values() if isinstance(values, dict) else values:
        if isinstance(value, dict | list):
            yield from _flat(value)


def _artifacts(outputs: Mapping[str, Any]) -> Iterator[dsl.Artifact]:
    for value in outputs.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dsl.Artifact):
                yield each


def _is_read(value: Any) -> bool:
    """Whether an argument of a task is an artifact, or a list of some."""
    return any(True for _ in _artifacts({"": value}))


def _contents(path: Path) -> str:
    """What identifies the contents of an artifact: a folder with a manifest, or a file."""
    return digest(path) if path.is_dir() else file_sha256(path)


def _checksum(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
