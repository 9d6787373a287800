"""The machine and the software that measured something."""

import importlib.metadata
import os
import platform
from pathlib import Path

from bertline import __version__

PACKAGES = ("numpy", "tensorflow-cpu", "keras", "openvino", "nncf", "ai-edge-litert")
CPU_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


def describe_environment(cpu_info: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Facts that figures depend on, by name: CPU, its instruction sets, system, versions.

    Of packages that are not installed there is no entry.
    """
    facts = {}
    if cpu_info.is_file():
        lines = cpu_info.read_text(encoding="utf-8").splitlines()
        pairs = (line.partition(":")[::2] for line in lines)
        facts = {name.strip(): value.strip() for name, value in pairs}
    flags = facts.get("flags", "").split()
    environment = {
        "CPU": facts.get("model name", platform.processor() or platform.machine()),
        "CPUs usable": str(len(os.sched_getaffinity(0))),
        "CPU extensions": " ".join(flag for flag in CPU_FLAGS if flag in flags) or "none known",
        "system": platform.platform(),
        "Python": platform.python_version(),
        "bertline": __version__,
    }
    for package in PACKAGES:
        try:
            environment[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return environment
