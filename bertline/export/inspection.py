"""What a file computes in integers and what in floating point, found by walking it.

Rules. A multiply-accumulate (MAC) belongs to a matrix product or a convolution; all else is not
counted. It is an integer one where both factors are integers when they meet: in a dynamic-range
kernel too, which rounds its float inputs as they come and whose weights are int8. What such a
kernel reads and writes are float tensors, and listed as such.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from bertline.config import Config
from bertline.errors import ConfigError, StageError
from bertline.files import check_readable

DEFAULT_LENGTH = 128
SHORTEST_LENGTH = 4
LISTED = 8


class Inspection(Config):
    """The facts of one file at one length.

    length: of a text in tokens. batch: texts of a call, 1 where the file takes any number.
    operators: kind → how many. custom_operators: kinds that the runtime must be given code for.
    float_tensors: names of what is computed in floating point, inputs and outputs included.
    float_activation_bytes, float_constant_bytes: of these at this length, and of the floating-point
    values in the file. macs, integer_macs: multiply-accumulates
    of a call. partitions: into how many pieces XNNPACK takes the graph; None if it takes none.
    """

    runtime: str
    length: int
    batch: int = 1
    operators: Mapping[str, int]
    custom_operators: tuple[str, ...] = ()
    float_tensors: tuple[str, ...]
    float_activation_bytes: int
    float_constant_bytes: int
    macs: int
    integer_macs: int
    partitions: int | None = None

    @property
    def float_tensor_bytes(self) -> int:
        """Of all floating-point tensors, 0 if and only if the file is in integers alone."""
        return self.float_activation_bytes + self.float_constant_bytes

    @property
    def integer_mac_share(self) -> float:
        """Percent of multiply-accumulates done in integers; 0 where there is none."""
        return 100 * self.integer_macs / self.macs if self.macs else 0.0

    def lines(self) -> Iterator[str]:
        """The facts as text, one a line."""
        kinds = sorted(self.operators.items(), key=lambda item: (-item[1], item[0]))
        facts = {
            "runtime": self.runtime,
            "length": f"{self.length} tokens",
            "batch": f"{self.batch}",
            "integer MACs": f"{self.integer_mac_share:.1f} % of {self.macs / 1e6:,.1f} M",
            "float tensors": f"{len(self.float_tensors):,} computed",
            "float bytes": f"{self.float_activation_bytes:,} computed, "
            f"{self.float_constant_bytes:,} constant",
            "operators": f"{sum(self.operators.values()):,}: "
            + ", ".join(f"{kind} {count}" for kind, count in kinds),
            "custom operators": ", ".join(self.custom_operators) or "none",
            "XNNPACK partitions": "not known" if self.partitions is None else str(self.partitions),
        }
        for name, told in facts.items():
            yield f"{name:18}  {told}"


def inspect(path: Path, length: int | None = None) -> Inspection:
    """The facts of a .tflite file or of an OpenVINO .xml for texts of `length` tokens.

    length: where the file leaves it open; by default DEFAULT_LENGTH, or what is left of it after
    halving until the file has enough positions. Raises CheckpointError for a damaged file,
    ConfigError for one of another kind or a length that it does not take.
    """
    if length is not None and length < 1:
        raise ConfigError(f"length {length}; give 1 token or more")
    if not check_readable(path).is_file():
        raise ConfigError(f"{path}: no such file; give a .tflite or an OpenVINO .xml")
    if path.suffix == ".tflite":
        from bertline.export.inspect_litert import inspect_litert

        return inspect_litert(path, length)
    if path.suffix == ".xml":
        from bertline.export.inspect_openvino import inspect_openvino

        return inspect_openvino(path, length)
    raise ConfigError(f"{path}: neither .tflite nor .xml; give one of these")


def lengths_to_try(length: int | None) -> Iterator[int]:
    """The length that was asked for, or else DEFAULT_LENGTH, its half and so on."""
    if length is not None:
        yield length
        return
    length = DEFAULT_LENGTH
    while length >= SHORTEST_LENGTH:
        yield length
        length //= 2


def too_long(path: Path, length: int) -> ConfigError:
    """The error for a file that cannot be run with texts of `length` tokens."""
    return ConfigError(
        f"{path}: the file does not take a text of {length} tokens; give a smaller --length"
    )


def check_integer_only(path: Path, length: int | None = None) -> None:
    """Raises StageError naming tensors if a call of the file computes any in floating point."""
    found = inspect(path, length).float_tensors
    if found:
        told = ", ".join(found[:LISTED]) + (", …" if len(found) > LISTED else "")
        raise StageError(f"{path.name}: {len(found)} float tensors, not integer-only: {told}")
