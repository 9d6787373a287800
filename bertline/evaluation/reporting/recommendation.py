"""Which file to ship on which kind of device, by simple rules from what was measured.

Only files that pass the gate are recommended. Of those that a kind of device runs the fastest is
taken, and of those within NEARLY of it the smallest. Where other processes disturbed the wall time
of a file, all are compared by CPU time. Latency is that of the machine on which the evaluation ran;
a recommendation names the instruction set that it was measured with, since the order of the files
is another on processors with others (docs/decisions/0014).
"""

from collections.abc import Sequence

from bertline.config import Config
from bertline.evaluation.gate import Verdict
from bertline.evaluation.reporting.summary import size_text
from bertline.evaluation.results import FileResult, Results

NEARLY = 1.05


class Recommendation(Config):
    """The file for a kind of device; None if there is none, and the reason in words."""

    device: str
    file: str | None
    reason: str


def recommend(results: Results, verdict: Verdict) -> list[Recommendation]:
    """One recommendation a kind of device: CPUs, small computers, and what has integers alone."""
    passed = {file.name for file in verdict.files if file.passed}
    files = [file for file in results.files if file.name in passed]
    litert = [file for file in files if file.runtime == "litert"]
    return [
        _fastest("server or desktop CPU", files, "no file passes the gate"),
        _fastest(
            "phone or small computer with a floating-point CPU",
            litert,
            "no LiteRT file passes the gate",
        ),
        _fastest(
            "microcontroller or NPU with integers alone",
            [file for file in litert if file.float_tensor_bytes == 0],
            _nearest(litert),
        ),
    ]


def _fastest(device: str, files: Sequence[FileResult], otherwise: str) -> Recommendation:
    if not files:
        return Recommendation(device=device, file=None, reason=otherwise)
    by_cpu = any(file.timing.is_disturbed for file in files)
    costs = {file.name: file.timing.compared_ms(by_cpu) for file in files}
    near = [file for file in files if costs[file.name] <= NEARLY * min(costs.values())]
    file = min(near, key=lambda each: each.size_bytes)
    what = "ms of CPU time" if by_cpu else "ms"
    measured_with = f" with {file.instruction_set}" if file.instruction_set else ""
    reason = f"{costs[file.name]:.2f} {what} a text{measured_with}, {size_text(file.size_bytes)}"
    return Recommendation(device=device, file=file.name, reason=reason)


def _nearest(files: Sequence[FileResult]) -> str:
    """Why there is no integer-only file."""
    known = [file for file in files if file.float_tensor_bytes is not None]
    if not known:
        return "no LiteRT file passes the gate"
    file = min(known, key=lambda each: each.float_tensor_bytes or 0)
    return (
        f"no file that passes is in integers alone; {file.name} comes nearest, with "
        f"{size_text(file.float_tensor_bytes or 0)} of float tensors"
    )
