"""All tensors of a .tflite file, as one call computes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from bertline.export.tflite import read_content

SIGNATURE = "serving_default"


class AllTensors:
    """Runs a file by LiteRT's own kernels, one call at a time, and keeps every tensor.

    Delegates are left out: they would hide the tensors within them.
    """

    def __init__(self, path: Path) -> None:
        self.content = read_content(path)
        self._interpreter = Interpreter(
            model_path=str(path),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        runner = self._interpreter.get_signature_runner(SIGNATURE)
        details = runner.get_input_details()
        # The runner must not stay: while one is alive the interpreter refuses to be resized.
        del runner
        self._inputs = {name: int(detail["index"]) for name, detail in details.items()}
        self._fixed = {
            name: tuple(map(int, detail["shape"]))
            for name, detail in details.items()
            if min(detail["shape_signature"]) > 0
        }
        self._shapes: dict[str, tuple[int, ...]] = {}

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Runs the named inputs [1, length], padded with zeros where the file fixes the length."""
        shapes = {name: self._fixed.get(name, inputs[name].shape) for name in self._inputs}
        if shapes != self._shapes:
            for name, index in self._inputs.items():
                self._interpreter.resize_tensor_input(index, shapes[name])
            self._interpreter.allocate_tensors()
            self._shapes = shapes
        for name, index in self._inputs.items():
            missing = np.subtract(shapes[name], inputs[name].shape)
            padded = np.pad(inputs[name], [(0, int(count)) for count in missing])
            self._interpreter.set_tensor(index, padded)
        self._interpreter.invoke()

    def value(self, number: int) -> NDArray[Any]:
        """Tensor `number` of `content` as it is, or what its integers stand for as float32."""
        value: NDArray[Any] = self._interpreter.get_tensor(number)
        tensor = self.content.tensors[number]
        if tensor.scale is None:
            return value
        return (value.astype(np.float32) - tensor.zero_point) * np.float32(tensor.scale)
