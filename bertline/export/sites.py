"""The sites of a LiteRT file: groups of its operators that are quantized or left float together.

A site is named part/kind: "layer_3/output_sum". Parts are the blocks of the encoder, "embeddings",
"mask" and "head" (all else); the kinds of a block are

    query_key_value, scores, softmax, context, attention_output, attention_sum, attention_norm,
    intermediate, gelu, output, output_sum, output_norm, fold

as the tensors of modeling.encoder are called; *_output and output are the dense layers of the
residual branches, *_sum their sums with the skip branch. Operators are told apart by what they are
and by the names that TensorFlow's converter gives their outputs, in which those of the layers
stand. What only moves values belongs to the site where they come from.
"""

import re
from collections.abc import Collection

from bertline.export.tflite import Content, Operator

MOVES = {
    "RESHAPE",
    "TRANSPOSE",
    "STRIDED_SLICE",
    "SLICE",
    "SQUEEZE",
    "EXPAND_DIMS",
    "QUANTIZE",
    "DEQUANTIZE",
}
SUMS = {"attention_output": "attention_sum", "output": "output_sum"}
BRANCHES = {total: dense for dense, total in SUMS.items()}
"""Residual sum → the dense layer of its branch."""
FOLDED = (*BRANCHES, "attention_norm", "output_norm")
"""What outliers are folded in before a sum, and out after it: no other site multiplies these."""
DENSE = (
    (r"query|key|value", "query_key_value"),
    (r"attention", "attention_output"),
    (r"intermediate", "intermediate"),
    (r"output", "output"),
)
BLOCK = re.compile(r"layer_(?:\._)?(\d+)")
NORM = re.compile(r"norm", re.IGNORECASE)


def sites_of(content: Content) -> list[str]:
    """The site of each operator, in their order."""
    made_at: dict[int, str] = {}
    found = []
    for operator in content.operators:
        before = [made_at[number] for number in operator.inputs if number in made_at]
        site = _site(operator, content.name(operator), before)
        made_at.update(dict.fromkeys(operator.outputs, site))
        found.append(site)
    return found


def is_among(site: str, chosen: Collection[str]) -> bool:
    """Whether `site` is one of `chosen`, by its name or by its kind."""
    return site in chosen or site.rpartition("/")[2] in chosen


def _site(operator: Operator, name: str, before: list[str]) -> str:
    if operator.kind in MOVES and before:
        return before[0]
    # An operator into which one of the block before was folded bears both names, its own last.
    blocks = BLOCK.findall(name)
    part = f"layer_{blocks[-1]}" if blocks else ""
    if operator.kind == "FULLY_CONNECTED":
        return f"{part}/{_dense(name)}" if part else "head"
    if NORM.search(name):
        kind = "attention_norm" if "attention" in name and part else "output_norm"
        return f"{part}/{kind}" if part else "embeddings/norm"
    if not part:
        return _outside(operator, name, before)
    return f"{part}/{_inside(operator, name, before)}"


def _dense(name: str) -> str:
    own = next((each for each in reversed(name.split(";")) if "MatMul" in each), name)
    own = own[own.rfind("layer_") :]
    return next((kind for pattern, kind in DENSE if re.search(pattern, own)), "output")


def _outside(operator: Operator, name: str, before: list[str]) -> str:
    if "embeddings" in name or operator.kind == "GATHER":
        return "embeddings"
    return "head" if any(site.startswith("layer_") or site == "head" for site in before) else "mask"


def _inside(operator: Operator, name: str, before: list[str]) -> str:
    kinds = [site.rpartition("/")[2] for site in before]
    if operator.kind == "SOFTMAX":
        return "softmax"
    if operator.kind == "BATCH_MATMUL":
        return "context" if "softmax" in kinds else "scores"
    if operator.kind == "MUL" and any(kind in FOLDED for kind in kinds):
        return "fold"
    if operator.kind == "ADD":
        for dense, total in SUMS.items():
            if dense in kinds:
                return total
    return "scores" if "attention" in name or "scores" in kinds else "gelu"
