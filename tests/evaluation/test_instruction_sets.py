from pathlib import Path

import pytest

from bertline.artifacts import write_json
from bertline.evaluation.instruction_sets import (
    SETS,
    InstructionSet,
    find_instruction_set,
    is_limited,
    note_on_verdict,
)
from bertline.export.listing import ExportedFile, Runtime

BY_NAME = {each.name: each for each in SETS}
AVX2, VNNI = BY_NAME["AVX2"], BY_NAME["AVX-512 VNNI"]
LAPTOP = "fpu avx2 fma"
SERVER = "fpu sse4_1 avx2 avx512f avx512bw avx512_vnni avx_vnni"


def found(flags: str, folder: Path, runtime: str = "openvino", limit: str = "") -> str:
    cpu_info = folder / "cpuinfo"
    cpu_info.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
    return find_instruction_set(runtime, cpu_info, {"ONEDNN_MAX_CPU_ISA": limit}).name


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (LAPTOP, "AVX2"),
        (f"{LAPTOP} avx_vnni", "AVX2 VNNI"),
        (f"{LAPTOP} avx512f avx512bw", "AVX-512 without VNNI"),
        (SERVER, "AVX-512 VNNI"),
        (f"{SERVER} avx512_bf16", "AVX-512 VNNI with bfloat16"),
        (f"{SERVER} avx512_bf16 amx_int8", "AMX"),
    ],
)
def test_the_most_that_the_processor_has(flags: str, expected: str, tmp_path: Path) -> None:
    assert found(flags, tmp_path) == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("AVX2", "AVX2"),
        ("avx2", "AVX2"),
        ("AVX2_VNNI", "AVX2 VNNI"),
        ("AVX512_CORE", "AVX-512 without VNNI"),
        ("AVX512_CORE_AMX", "AVX-512 VNNI"),
        ("AVX", "SSE4.1"),
        ("DEFAULT", "AVX-512 VNNI"),
        ("", "AVX-512 VNNI"),
    ],
)
def test_onednn_s_limit_holds_for_what_computes_with_it(
    limit: str, expected: str, tmp_path: Path
) -> None:
    assert found(SERVER, tmp_path, "saved_model", limit) == expected
    assert found(SERVER, tmp_path, "litert", limit) == "AVX-512 VNNI"


def test_a_limit_gives_no_more_than_there_is(tmp_path: Path) -> None:
    assert found(LAPTOP, tmp_path, limit="AVX512_CORE_VNNI") == "AVX2"


def test_limits_are_seen() -> None:
    assert is_limited({"DNNL_MAX_CPU_ISA": "AVX2"})
    assert not is_limited({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"})
    assert not is_limited({})


def test_other_processors_have_their_machine_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    here = find_instruction_set("openvino", tmp_path / "none", {})
    assert (here.name, here.has_vnni) == ("aarch64", False)


def file_of(runtime: Runtime, precision: str, overflow_safe: bool = False) -> ExportedFile:
    return ExportedFile(
        name=f"{runtime}_{precision}",
        runtime=runtime,
        precision=precision,
        path="file",
        size_bytes=1,
        seconds=0,
        overflow_safe=overflow_safe,
    )


FULL, SAFE = file_of("openvino", "int8"), file_of("openvino", "int8", overflow_safe=True)
DYNAMIC, FLOAT = file_of("litert", "dynamic_int8"), file_of("openvino", "fp16")


def note(file: ExportedFile, judged: str | None, here: InstructionSet, folder: Path) -> str | None:
    write_json(folder / "verdict.json", {"files": [{"name": file.name, "instruction_set": judged}]})
    return note_on_verdict(folder, file, here)


def test_a_verdict_holds_on_its_own_kind_of_processor(tmp_path: Path) -> None:
    assert note(FULL, "AVX2", AVX2, tmp_path) is None
    assert note(SAFE, "AVX-512 VNNI", VNNI, tmp_path) is None


def test_elsewhere_int8_files_say_where_they_were_judged(tmp_path: Path) -> None:
    assert note(SAFE, "AVX-512 VNNI", AVX2, tmp_path) == (
        "openvino_int8: judged on AVX-512 VNNI, runs on AVX2 here; evaluate it here for its "
        "quality and speed"
    )
    assert "judged on AVX2, runs on AVX-512 VNNI" in str(note(DYNAMIC, "AVX2", VNNI, tmp_path))
    assert note(FLOAT, "AVX-512 VNNI", AVX2, tmp_path) is None


def test_overflow_is_told_with_and_without_a_verdict(tmp_path: Path) -> None:
    told = note(FULL, "AVX-512 VNNI", AVX2, tmp_path)
    assert str(told).startswith("openvino_int8: it was judged on AVX-512 VNNI, and products")
    assert "overflow on AVX2" in str(note(FULL, None, AVX2, tmp_path))
    assert "it was not judged" in str(note_on_verdict(tmp_path / "no", FULL, AVX2))


def test_what_was_not_judged_says_nothing_else(tmp_path: Path) -> None:
    assert note_on_verdict(tmp_path, SAFE, AVX2) is None
    assert note(DYNAMIC, None, AVX2, tmp_path) is None
