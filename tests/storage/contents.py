"""What the tests of storage share."""

from pathlib import Path

CONTENT = bytes(range(256)) * 4096  # 1 MiB


def files_below(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
