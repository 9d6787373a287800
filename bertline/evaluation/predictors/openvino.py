"""OpenVINO IR files."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openvino

from bertline.errors import CheckpointError, ConfigError
from bertline.evaluation.predictors.base import Batch, Logits, check_names
from bertline.export.instruction_sets import openvino_properties
from bertline.features.batches import MODEL_INPUTS


class OpenVinoPredictor:
    """Logits of an IR file (model.xml with model.bin beside it), for any batch and length.

    Precision is what OpenVINO chooses for the device, as it is for every user of the file: on
    CPUs with bfloat16 the float files run in bfloat16. properties: any of OpenVINO's, by name
    ({"INFERENCE_PRECISION_HINT": "f32"}). Raises CheckpointError for a damaged or foreign file,
    ConfigError for a device or property that OpenVINO refuses.
    """

    fixed_batch: int | None = None

    def __init__(
        self,
        path: Path,
        name: str,
        outputs: Sequence[str],
        device: str = "CPU",
        num_threads: int | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", **openvino_properties()}
        settings |= properties or {}
        if num_threads is not None:
            settings["INFERENCE_NUM_THREADS"] = num_threads
        core = openvino.Core()
        try:
            model = core.read_model(path)
        except RuntimeError as error:
            raise CheckpointError(
                f"{path}: not an OpenVINO model ({_reason(error)}); export or copy it again"
            ) from None
        self._inputs = _names(model.inputs, MODEL_INPUTS)
        check_names(name, self._inputs, _names(model.outputs, outputs), outputs)
        self._outputs = outputs
        try:
            compiled = core.compile_model(model, device, settings)
        except RuntimeError as error:
            raise ConfigError(
                f"{name}: OpenVINO cannot use device {device!r} with {settings} "
                f"({_reason(error)}); available: {', '.join(core.available_devices)}"
            ) from None
        self._request = compiled.create_infer_request()

    def __call__(self, batch: Batch) -> Logits:
        """The logits of `batch`, as in `Predictor`."""
        inputs = {name: batch[name] for name in self._inputs}
        # The request reads the caller's arrays in place; the logits are copied out of its tensors,
        # since its own dict of results costs 4 % of a small encoder's short call.
        self._request.infer(inputs, share_inputs=True, share_outputs=True)
        return {name: self._request.get_tensor(name).data.copy() for name in self._outputs}


def _names(ports: Iterable[Any], known: Sequence[str]) -> list[str]:
    """A name of each port, of its several ones that which is `known`."""
    return [
        next((name for name in known if name in port.names), ", ".join(sorted(port.names)))
        for port in ports
    ]


def _reason(error: RuntimeError) -> str:
    """The last line of OpenVINO's message, which is the cause; the others are its own sources."""
    return [line.strip() for line in str(error).splitlines() if line.strip()][-1]
