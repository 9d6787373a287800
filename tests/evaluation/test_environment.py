from pathlib import Path

import numpy as np

from bertline.evaluation.environment import describe_environment


def test_reads_the_cpu_and_the_versions(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("processor\t: 0\nmodel name\t: Fast: 9000\nflags\t\t: fpu avx2 avx512f\n")
    environment = describe_environment(cpu_info)
    assert environment["CPU"] == "Fast: 9000"
    assert environment["CPU extensions"] == "avx2 avx512f"
    assert environment["numpy"] == np.__version__


def test_does_without_a_cpuinfo(tmp_path: Path) -> None:
    environment = describe_environment(tmp_path / "missing")
    assert environment["CPU"]
    assert environment["CPU extensions"] == "none known"
