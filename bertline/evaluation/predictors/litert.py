"""LiteRT (TFLite) files."""

import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from numpy.typing import NDArray

from bertline.errors import CheckpointError, ConfigError
from bertline.evaluation.predictors.base import Batch, Logits, check_names
from bertline.evaluation.predictors.shape import FixedShape
from bertline.modeling.finite import check_finite

SIGNATURE = "serving_default"
# Every interpreter packs the weights for itself, so more of them cost memory; fewer cost time,
# since an interpreter that changes its length plans its memory anew (0.6 ms where a call of a
# 6-layer encoder takes 1.4 ms).
MAX_BYTES_OF_WEIGHTS = 256 * 2**20
MAX_INTERPRETERS = 8


class LiteRtPredictor:
    """Logits of a .tflite file with a fixed batch, of any length or made for one.

    device: "CPU", or the path of a delegate's library. An interpreter is kept for each of the
    last few lengths. Integer outputs become the numbers that they stand for. Threads wait
    for one another at a lock: a pool of interpreters gives no more calls per second with 2 to 8
    threads on 2 cores (11,000 to 12,000 of a 2-layer encoder either way), takes 10 % more CPU time
    and holds the weights several times. Raises CheckpointError for a damaged or foreign file,
    ConfigError for a device that is neither.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        outputs: Sequence[str],
        device: str = "CPU",
        num_threads: int | None = None,
        positions: int | None = None,
    ) -> None:
        self.name = name
        self._path, self._device, self._num_threads = path, device, num_threads
        affordable = MAX_BYTES_OF_WEIGHTS // max(path.stat().st_size, 1)
        self._max_interpreters = min(max(affordable, 1), MAX_INTERPRETERS)
        first = self._open()
        check_finite(_weights(path), str(path))
        if SIGNATURE not in first.get_signature_list():
            raise CheckpointError(f"{path}: no signature {SIGNATURE!r}; export the model again")
        # The runner must not stay: while one is alive the interpreter refuses to be resized.
        runner = first.get_signature_runner(SIGNATURE)
        tensors = runner.get_input_details(), runner.get_output_details()
        del runner
        check_names(name, *tensors, outputs)
        self._inputs = {key: tensor["index"] for key, tensor in tensors[0].items()}
        self._outputs = {key: tensors[1][key] for key in outputs}
        self._shape = FixedShape.of(
            name, (each["shape_signature"] for each in tensors[0].values()), positions
        )
        self.fixed_batch: int | None = self._shape.rows or 1
        # Length 0 stands for none yet. The least recently used comes first.
        self._by_length = {0: first}
        self._lock = threading.Lock()

    def __call__(self, batch: Batch) -> Logits:
        """The logits of `batch`, as in `Predictor`; DataError for a text too long for the file."""
        filled = self._shape.filled(batch)
        with self._lock:
            interpreter = self._interpreter(filled["input_ids"].shape[1])
            for name, index in self._inputs.items():
                interpreter.set_tensor(index, filled[name])
            interpreter.invoke()
            logits = {
                name: _as_float(interpreter.get_tensor(detail["index"]), detail)
                for name, detail in self._outputs.items()
            }
        return self._shape.cut(logits, batch)

    def _interpreter(self, length: int) -> Interpreter:
        """An interpreter whose inputs have this length."""
        interpreter = self._by_length.pop(length, None)
        if interpreter is None:
            if 0 in self._by_length or len(self._by_length) == self._max_interpreters:
                interpreter = self._by_length.pop(next(iter(self._by_length)))
            else:
                interpreter = self._open()
            for index in self._inputs.values() if self._shape.length is None else ():
                interpreter.resize_tensor_input(index, [self.fixed_batch, length])
            interpreter.allocate_tensors()
        self._by_length[length] = interpreter
        return interpreter

    def _open(self) -> Interpreter:
        delegates = [] if self._device == "CPU" else [self._load_delegate()]
        try:
            return Interpreter(
                model_path=str(self._path),
                experimental_delegates=delegates,
                num_threads=self._num_threads,
            )
        except ValueError as error:
            raise CheckpointError(
                f"{self._path}: not a LiteRT model ({error}); export or copy it again"
            ) from None

    def _load_delegate(self) -> object:
        try:
            # load_delegate prints a trace of its own when the library is not there.
            ctypes.CDLL(self._device)
            return load_delegate(self._device)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{self.name}: LiteRT cannot use device {self._device!r} ({error}); available: "
                "CPU, or the path of a delegate library"
            ) from None


def _weights(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """(name, values) of the floating-point constants that the file holds."""
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    dtypes = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            buffer = model.Buffers(tensor.Buffer())
            # A single number is no weight.
            if tensor.Type() in dtypes and buffer.DataLength() > np.dtype(np.float32).itemsize:
                yield tensor.Name().decode(), buffer.DataAsNumpy().view(dtypes[tensor.Type()])


def _as_float(values: NDArray[Any], detail: Mapping[str, Any]) -> NDArray[np.float32]:
    """What an output stands for: (integer - zero point) · scale, or the number itself."""
    scale, zero_point = detail["quantization"]  # both 0 where the output is float
    numbers = values.astype(np.float32, copy=False)
    return (numbers - np.float32(zero_point)) * np.float32(scale) if scale else numbers
