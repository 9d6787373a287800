"""OpenVINO IR files."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import openvino
from numpy.typing import NDArray

from bertline.errors import CheckpointError, ConfigError
from bertline.evaluation.predictors.base import Batch, Logits, check_names
from bertline.evaluation.predictors.shape import FixedShape
from bertline.export.instruction_sets import openvino_properties
from bertline.export.openvino_core import core
from bertline.features.batches import MODEL_INPUTS
from bertline.modeling.finite import check_finite


class OpenVinoPredictor:
    """Logits of an IR file (model.xml with model.bin beside it), for any shape or made for one.

    Each call takes an idle infer request or makes one, so that there are as many as threads that
    call at once. OpenVINO computes them one after another, on all cores (PERFORMANCE_HINT LATENCY),
    but copies and Python's part overlap: with 8 threads on 2 cores LoadedModel.predict answers
    2,200 texts per second with a 2-layer encoder, with a lock around one request 1,600 to 2,000.

    Precision is what OpenVINO chooses for the device, as it is for every user of the file: on
    CPUs with bfloat16 the float files run in bfloat16. properties: any of OpenVINO's, by name
    ({"INFERENCE_PRECISION_HINT": "f32"}). Raises CheckpointError for a damaged or foreign file,
    ConfigError for a device or property that OpenVINO refuses.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        outputs: Sequence[str],
        device: str = "CPU",
        num_threads: int | None = None,
        positions: int | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", **openvino_properties()}
        settings |= properties or {}
        if num_threads is not None:
            settings["INFERENCE_NUM_THREADS"] = num_threads
        try:
            model = core().read_model(path)
        except RuntimeError as error:
            raise CheckpointError(
                f"{path}: not an OpenVINO model ({_reason(error)}); export or copy it again"
            ) from None
        self._inputs = _names(model.inputs, MODEL_INPUTS)
        check_names(name, self._inputs, _names(model.outputs, outputs), outputs)
        self._shape = FixedShape.of(name, map(_sizes, model.inputs), positions)
        self.fixed_batch = self._shape.rows
        self._outputs = outputs
        check_finite(_weights(model), str(path))
        try:
            compiled = core().compile_model(model, device, settings)
        except RuntimeError as error:
            raise ConfigError(
                f"{name}: OpenVINO cannot use device {device!r} with {settings} "
                f"({_reason(error)}); available: {', '.join(core().available_devices)}"
            ) from None
        self._compiled = compiled
        self._idle = deque([compiled.create_infer_request()])

    def __call__(self, batch: Batch) -> Logits:
        """The logits of `batch`, as in `Predictor`; DataError for a text too long for the file."""
        filled = self._shape.filled(batch)
        inputs = {name: filled[name] for name in self._inputs}
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        # Not infer(), which computes in the caller's thread and leaves a part of the model there:
        # when that thread ends after the model is gone, OpenVINO 2026.4 aborts the process.
        # The request reads the caller's arrays in place; the logits are copied out of its tensors,
        # since its own dict of results costs 4 % of a small encoder's short call.
        request.start_async(inputs, share_inputs=True)
        request.wait()
        logits = {name: request.get_tensor(name).data.copy() for name in self._outputs}
        self._idle.append(request)
        return self._shape.cut(logits, batch)


def _sizes(port: Any) -> list[int]:
    """The sizes of a port, -1 where they are open."""
    return [size.get_length() if size.is_static else -1 for size in port.partial_shape]


def _weights(model: openvino.Model) -> Iterator[tuple[str, NDArray[Any]]]:
    """(name, values) of the floating-point constants; single numbers are no weights."""
    for node in model.get_ops():
        if node.get_type_name() == "Constant" and node.get_element_type().is_real():
            values = node.data
            if values.size > 1:
                yield node.get_friendly_name(), values


def _names(ports: Iterable[Any], known: Sequence[str]) -> list[str]:
    """A name of each port, of its several ones that which is `known`."""
    return [
        next((name for name in known if name in port.names), ", ".join(sorted(port.names)))
        for port in ports
    ]


def _reason(error: RuntimeError) -> str:
    """The last line of OpenVINO's message, which is the cause; the others are its own sources."""
    return [line.strip() for line in str(error).splitlines() if line.strip()][-1]
