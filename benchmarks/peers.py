"""What our files are measured against: PyTorch, and Hugging Face → OpenVINO → NNCF.

    PYTHON -m benchmarks.peers FOLDER

Runs in an environment with benchmarks/peers.txt. Converts and quantizes the model of FOLDER
(config.json, model.safetensors, head.safetensors, calibration.npz) as a user of these packages
would, into float32.xml and int8.xml beside it.
"""

import os
import sys
from pathlib import Path
from typing import Any

import nncf
import openvino as ov
import torch
import transformers
from numpy.typing import NDArray
from safetensors.torch import load_file

from benchmarks.calls import Calls
from bertline.evaluation.predictors import Batch, Logits
from bertline.features.batches import MODEL_INPUTS

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUTS = ("intent_logits", "slot_logits")


class IntentSlots(torch.nn.Module):  # type: ignore[misc]
    """Hugging Face's BertModel with the two dense layers of our head."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.encoder = transformers.BertModel.from_pretrained(folder)
        head = load_file(folder / "head.safetensors")
        self.intent, self.slot = (_dense(head, name) for name in ("intent", "slot"))
        self.eval()

    def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> tuple[Any, Any]:
        """The logits, in the order of OUTPUTS."""
        encoded = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        )
        return self.intent(encoded.pooler_output), self.slot(encoded.last_hidden_state)


def _dense(head: dict[str, Any], name: str) -> Any:
    kernel, bias = head[f"{name}_dense/kernel"], head[f"{name}_dense/bias"]
    layer = torch.nn.Linear(*kernel.shape)
    layer.weight, layer.bias = torch.nn.Parameter(kernel.T.contiguous()), torch.nn.Parameter(bias)
    return layer


class TorchPredictor:
    """PyTorch float32 in inference mode."""

    fixed_batch: int | None = None

    def __init__(self, folder: Path, name: str, threads: int) -> None:
        self.name = name
        torch.set_num_threads(threads)
        self._model = IntentSlots(folder)

    def __call__(self, batch: Batch) -> Logits:
        """The logits of int64 inputs, as in `Predictor`."""
        with torch.inference_mode():
            found = self._model(*(torch.from_numpy(batch[name]) for name in MODEL_INPUTS))
        return {name: logits.numpy() for name, logits in zip(OUTPUTS, found, strict=True)}


class OpenVinoPredictor:
    """`name`.xml of a folder, in OpenVINO; "float32" computes in it, the others as it chooses.

    OpenVINO has to know of a limit on oneDNN, or it chooses bfloat16 and fails.
    """

    fixed_batch: int | None = None

    def __init__(self, folder: Path, name: str, threads: int) -> None:
        self.name = name
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if name == "float32" or "ONEDNN_MAX_CPU_ISA" in os.environ:
            settings["INFERENCE_PRECISION_HINT"] = "f32"
        self._model = ov.Core().compile_model(folder / f"{name}.xml", "CPU", settings)

    def __call__(self, batch: Batch) -> Logits:
        """The logits of int64 inputs, as in `Predictor`, valid until the next call."""
        found = self._model(_theirs(batch))
        return {name: found[number] for number, name in enumerate(OUTPUTS)}


def _theirs(batch: Batch) -> dict[str, NDArray[Any]]:
    return {theirs: batch[ours] for theirs, ours in zip(INPUTS, MODEL_INPUTS, strict=True)}


def convert(folder: Path) -> None:
    """Writes float32.xml and int8.xml into `folder`."""
    samples = [_theirs(call) for call in Calls.read(folder / "calibration.npz").singles]
    example = {name: torch.ones((2, 16), dtype=torch.int64) for name in INPUTS}
    with torch.inference_mode():
        model = ov.convert_model(IntentSlots(folder), example_input=example)
    ov.save_model(model, folder / "float32.xml", compress_to_fp16=False)
    quantized = nncf.quantize(
        model,
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
    )
    ov.save_model(quantized, folder / "int8.xml")


if __name__ == "__main__":
    convert(Path(sys.argv[1]))
