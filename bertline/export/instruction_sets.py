"""Which vector instructions a runtime computes with here, and what an int8 file makes of others.

oneDNN, which OpenVINO and TensorFlow compute with, can be limited by the variable
ONEDNN_MAX_CPU_ISA, as LiteRT cannot (docs/decisions/0014).
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bertline.artifacts import read_json
from bertline.export.listing import OPENVINO_INT8, ExportedFile

LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""Variables that limit oneDNN; of several the first that is set."""
VERDICT_FILE = "verdict.json"
CPU_INFO = Path("/proc/cpuinfo")


class InstructionSetWarning(UserWarning):
    """An int8 file was judged on another kind of processor than runs it."""


class InstructionSet(NamedTuple):
    """A set of vector instructions.

    flag: in /proc/cpuinfo, of processors that have it. limit: the values of LIMITS that allow it,
    and no set before it, begin with this. has_vnni: whether products of bytes are summed in 32
    bits.
    """

    name: str
    flag: str
    limit: tuple[str, ...]
    has_vnni: bool
    has_bfloat16: bool = False


SETS = (
    InstructionSet("AMX", "amx_int8", ("AVX512_CORE_AMX", "AVX10_1_512_AMX"), True, True),
    InstructionSet(
        "AVX-512 VNNI with bfloat16",
        "avx512_bf16",
        ("AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX10"),
        True,
        True,
    ),
    InstructionSet("AVX-512 VNNI", "avx512_vnni", ("AVX512_CORE_VNNI",), True),
    InstructionSet("AVX-512 without VNNI", "avx512bw", ("AVX512",), False),
    InstructionSet("AVX2 VNNI", "avx_vnni", ("AVX2_VNNI",), True),
    InstructionSet("AVX2", "avx2", ("AVX2",), False),
    InstructionSet("SSE4.1", "sse4_1", ("AVX", "SSE41"), False),
)
"""From the most to the least."""


def find_instruction_set(
    runtime: str, cpu_info: Path = CPU_INFO, environment: Mapping[str, str] = os.environ
) -> InstructionSet:
    """What the runtime ("openvino", "litert", "saved_model", "keras") computes with here.

    On a processor without any of SETS one that has the machine's name and no VNNI, "aarch64".
    """
    flags: set[str] = set()
    if cpu_info.is_file():
        lines = cpu_info.read_text(encoding="utf-8").splitlines()
        flags = set(next((line for line in lines if line.startswith("flags")), "").split())
    first = 0 if runtime == "litert" else _first_allowed(environment)
    for each in SETS[first:]:
        if each.flag in flags:
            return each
    return InstructionSet(platform.machine(), "", (), has_vnni=False)


def openvino_properties() -> dict[str, str]:
    """The properties that OpenVINO's CPU needs where oneDNN is limited.

    It chooses bfloat16 by the processor and fails where the limit forbids it.
    """
    if is_limited() and not find_instruction_set("openvino").has_bfloat16:
        return {"INFERENCE_PRECISION_HINT": "f32"}
    return {}


def is_limited(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether oneDNN is limited to some of the processor's instructions."""
    return _first_allowed(environment) > 0


def _first_allowed(environment: Mapping[str, str]) -> int:
    limit = next((environment[name].upper() for name in LIMITS if environment.get(name)), "")
    for number, each in enumerate(SETS):
        if limit.startswith(each.limit):
            return number
    return 0


def overflows(file: ExportedFile, here: InstructionSet) -> bool:
    """Whether sums of products of `file` may overflow on a processor with these instructions."""
    return (
        file.name == OPENVINO_INT8
        and not file.overflow_safe
        and here.flag != ""
        and not here.has_vnni
    )


def note_on_verdict(folder: Path, file: ExportedFile, here: InstructionSet) -> str | None:
    """One sentence where the gate's verdict on an int8 file may not hold here; None if it holds.

    folder: a version of a registry, which has the verdict, or an exported folder, which has none.
    """
    if "int" not in file.precision:
        return None
    judged = _judged_on(folder, file.name)
    if judged == here.name:
        return None
    if overflows(file, here):
        told = "it was not judged" if judged is None else f"it was judged on {judged}"
        return (
            f"{file.name}: {told}, and products of its weights overflow on {here.name}; export it "
            "again with export.overflow_safe, the default"
        )
    if judged is None:
        return None
    return (
        f"{file.name}: judged on {judged}, runs on {here.name} here; evaluate it here for its "
        "quality and speed"
    )


def _judged_on(folder: Path, name: str) -> str | None:
    """The instruction set in the verdict on a file; None where no verdict names it."""
    if not (folder / VERDICT_FILE).is_file():
        return None
    # Read as JSON: predict needs none of the gate's imports.
    files = read_json(folder / VERDICT_FILE)["files"]
    return next((each.get("instruction_set") for each in files if each["name"] == name), None)
