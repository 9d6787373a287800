"""`bertline doctor`: whether what is installed works here, a line a check; an image's health."""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bertline import __version__
from bertline.errors import BertlineError
from bertline.export.instruction_sets import (
    find_instruction_set,
    is_limited,
    note_on_verdict,
)
from bertline.export.listing import Exports
from bertline.keras_import import import_keras

PACKAGES = ("numpy", "tokenizers", "keras", "apache-beam", "nncf", "kfp", "docker")
PYTHONS = ((3, 11), (3, 13))
VALUES = np.array([1.0, 2.0], dtype=np.float32)


class Finding(NamedTuple):
    """What a check says. ok: None for what is not installed and need not be."""

    name: str
    ok: bool | None
    text: str

    def __str__(self) -> str:
        mark = {True: "ok", False: "FAILED", None: "absent"}[self.ok]
        return f"{mark:<8}{self.name:<14}{self.text}"


class Doubled(NamedTuple):
    """What a runtime made of VALUES, and where."""

    version: str
    values: npt.NDArray[np.float32]
    devices: list[str]


def doctor(work: Path) -> None:
    """Prints a line a check; raises BertlineError if one has failed.

    work: the folder that runs write to; its nearest existing parent where it is not made yet.
    """
    failed = []
    for finding in examine(work):
        print(finding, flush=True)
        if finding.ok is False:
            failed.append(finding.name)
    if failed:
        raise BertlineError(f"failed: {', '.join(failed)}; the lines above tell why")


def examine(work: Path) -> Iterator[Finding]:
    """The findings of all checks, each made when it is asked for."""
    yield _finding("bertline", lambda: __version__)
    yield _finding("python", python_version)
    yield _finding("packages", package_versions)
    yield _finding("processor", processor)
    for name, (module, double) in RUNTIMES.items():
        if importlib.util.find_spec(module) is None:
            yield Finding(name, None, "not installed")
        else:
            yield _finding(name, partial(computes, double, made_for(name)))
    yield _finding("work folder", lambda: writable(work))
    for note in notes_on_models(work / "registry"):
        yield Finding("model", True, note)


def python_version() -> str:
    """The version of this Python; raises RuntimeError for one that bertline is not made for."""
    version = sys.version.split()[0]
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        raise RuntimeError(f"{version} is not 3.11 to 3.13")
    return version


def package_versions() -> str:
    """Names and versions of the PACKAGES that are installed."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def processor() -> str:
    """The instruction set of runtimes here, and which files of OpenVINO INT8 it is for."""
    here = find_instruction_set("openvino")
    files = "every file" if here.has_vnni else "files exported with overflow_safe, the default"
    limited = " (ONEDNN_MAX_CPU_ISA)" if is_limited() else ""
    return f"{here.name}{limited}; OpenVINO INT8 is right in {files}"


def notes_on_models(registry: Path) -> Iterator[str]:
    """One sentence per file of a latest version whose verdict may not hold on this processor."""
    for latest in sorted(registry.glob("*/latest")):
        folder = latest.parent / latest.read_text(encoding="utf-8").strip()
        for file in Exports.read(folder).files:
            note = note_on_verdict(folder, file, find_instruction_set(file.runtime))
            if note:
                yield f"{latest.parent.name}: {note}"


def made_for(runtime: str) -> str:
    """The kind of accelerator that the installed packages give a runtime; "" if they give none."""
    for package, kind in ACCELERATORS.get(runtime, {}).items():
        if importlib.util.find_spec(package) is not None:
            return kind
    return ""


def computes(double: Callable[[], Doubled], accelerator: str = "") -> str:
    """The version and devices of a runtime that doubles VALUES; RuntimeError if it fails to.

    accelerator: the kind that it is installed for; the text says if none is seen.
    """
    version, values, devices = double()
    if not np.array_equal(values, 2 * VALUES):
        raise RuntimeError(f"{version} doubles {VALUES.tolist()} to {values.tolist()}")
    text = f"{version} computes; sees {', '.join(devices)}"
    if accelerator and all("cpu" in device.lower() for device in devices):
        text += f", no {accelerator}: it would train on the CPU"
    return text


def writable(work: Path) -> str:
    """The folder, and its free space, once a file was written to it; raises OSError."""
    folder = next(path for path in (work, *work.absolute().parents) if path.is_dir())
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(b"bertline")
        stream.flush()
    return f"{folder.absolute()}: {shutil.disk_usage(folder).free / 1e9:.1f} GB free"


def _tensorflow() -> Doubled:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import_keras()
    import tensorflow as tf

    devices = [device.name for device in tf.config.list_logical_devices()]
    values = tf.constant(VALUES)
    return Doubled(tf.__version__, tf.add(values, values).numpy(), devices)


def _jax() -> Doubled:
    import jax

    values = jax.numpy.asarray(VALUES)
    return Doubled(jax.__version__, np.asarray(values + values), [str(d) for d in jax.devices()])


def _openvino() -> Doubled:
    import openvino
    from openvino import opset13

    from bertline.export.openvino_core import core

    values = opset13.parameter([VALUES.size], np.float32)
    model = openvino.Model([opset13.add(values, values)], [values])
    doubled = core().compile_model(model, "CPU")(VALUES)[0]
    return Doubled(metadata.version("openvino"), doubled, core().available_devices)


def _litert() -> Doubled:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=_doubling_flatbuffer())
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, VALUES)
    interpreter.invoke()
    return Doubled(metadata.version("ai-edge-litert"), interpreter.get_tensor(1), ["CPU"])


def _doubling_flatbuffer() -> bytes:
    """A LiteRT model of one operator: tensor 1 is tensor 0 added to itself."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def made(kind: Any, **values: Any) -> Any:
        table = kind()
        vars(table).update(values)
        return table

    tensor = made(schema.TensorT, shape=[VALUES.size], type=schema.TensorType.FLOAT32)
    addition = made(
        schema.OperatorT,
        inputs=[0, 0],
        outputs=[1],
        builtinOptionsType=schema.BuiltinOptions.AddOptions,
        builtinOptions=schema.AddOptionsT(),
    )
    graph = made(
        schema.SubGraphT, tensors=[tensor, tensor], inputs=[0], outputs=[1], operators=[addition]
    )
    add = made(schema.OperatorCodeT, builtinCode=schema.BuiltinOperator.ADD, version=1)
    model = made(
        schema.ModelT, version=3, operatorCodes=[add], subgraphs=[graph], buffers=[schema.BufferT()]
    )
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


RUNTIMES: dict[str, tuple[str, Callable[[], Doubled]]] = {
    "tensorflow": ("tensorflow", _tensorflow),
    "jax": ("jax", _jax),
    "openvino": ("openvino", _openvino),
    "litert": ("ai_edge_litert", _litert),
}
"""Name → the module that is there when it is installed, and how it doubles VALUES."""

ACCELERATORS = {
    "tensorflow": {"nvidia": "GPU"},
    "jax": {"jax_cuda12_plugin": "GPU", "libtpu": "TPU"},
}
"""Name → a module that is installed beside it for accelerators of a kind alone → the kind."""


def _finding(name: str, check: Callable[[], str]) -> Finding:
    """The result of a check; whatever it raises is what has failed."""
    try:
        return Finding(name, True, check())
    except Exception as error:
        return Finding(name, False, " ".join(f"{type(error).__name__}: {error}".split()))
