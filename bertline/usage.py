"""What running the stages cost: time, page faults and the peak of memory.

Each stage's output artifact gets a file `usage.json` beside its content: the costs of the stage
that wrote it and of the stages before. No manifest lists the file, because equal content must have
equal digests. A stage that is taken from a cache keeps the costs of the run that wrote it.
"""

import os
import re
import resource
import time
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Self

from bertline.artifacts import Document
from bertline.config import Config


class Cost(Config):
    """What one stage's process has used since it started.

    seconds: wall time. user_seconds, system_seconds: CPU time of all threads. page_faults: without
    input or output. peak_memory_bytes: the largest resident set. Ended child processes count in
    CPU time and page faults.
    """

    seconds: float
    user_seconds: float
    system_seconds: float
    page_faults: int
    peak_memory_bytes: int

    @classmethod
    def until_now(cls) -> Self:
        """The costs of this process."""
        own = resource.getrusage(resource.RUSAGE_SELF)
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(
            seconds=_seconds_since_start(),
            user_seconds=own.ru_utime + children.ru_utime,
            system_seconds=own.ru_stime + children.ru_stime,
            page_faults=own.ru_minflt + children.ru_minflt,
            peak_memory_bytes=_peak_memory_bytes(),
        )


class Usage(Document):
    """The costs of stages, each after those that it builds on."""

    file_name: ClassVar[str] = "usage.json"
    stages: dict[str, Cost] = {}

    @classmethod
    def behind(cls, artifacts: Iterable[Path]) -> Self:
        """The costs of all stages behind these folders; folders without usage.json add none.

        Of a stage that ran several times (a task per shard) the costliest in memory is kept.
        """
        found: dict[str, Cost] = {}
        for folder in artifacts:
            if not (folder / cls.file_name).is_file():
                continue
            for stage, cost in cls.read(folder).stages.items():
                known = found.setdefault(stage, cost)
                if cost.peak_memory_bytes > known.peak_memory_bytes:
                    found[stage] = cost
        return cls(stages=found)

    def followed_by(self, stage: str) -> Self:
        """The same and, last, `stage` with the costs of this process until now."""
        others = {name: cost for name, cost in self.stages.items() if name != stage}
        return type(self)(stages={**others, stage: Cost.until_now()})


def _peak_memory_bytes() -> int:
    # Not getrusage's ru_maxrss: a new program inherits that of the process which started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (kibibytes,) = re.findall(r"^VmHWM:\s*(\d+) kB$", status, re.M)
    return 1024 * int(kibibytes)


def _seconds_since_start() -> float:
    # Field 22 of /proc/self/stat, in clock ticks since the machine started: man 5 proc. The name of
    # the program, in parentheses, may hold spaces.
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started
