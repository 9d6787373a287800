"""LiteRT files with int8 activations, made of a float one by litert-quantizer.

Dense layers, sums and what only moves values are quantized within given ranges; other sites
(bertline.export.sites) stay float: a dense layer there still has int8 weights and rounds its inputs
as they come.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from litert_quantizer import algorithm_manager, qtyping, quantizer

from bertline.config import nearest
from bertline.errors import ConfigError, StageError
from bertline.export.ranges import TensorRanges
from bertline.export.sites import DENSE, groups_of, is_among
from bertline.export.tflite import read_content
from bertline.modeling.site_table import SiteTable

BITS = 8


def write_int8(
    source: Path,
    target: Path,
    ranges: TensorRanges,
    float_sites: Collection[str],
    sites: SiteTable,
) -> None:
    """Writes `target`, of the float file `source`; its outputs stay float.

    float_sites: names or kinds of the groups of sites that stay float. sites: of the family of the
    file's encoder. Raises ConfigError for a site that the file does not have and for an unknown
    kind, StageError if the quantizer fails.
    """
    content = read_content(source)
    groups = groups_of(content, sites)
    _check_sites([*groups, *sites.kinds], float_sites)
    work = quantizer.Quantizer(str(source))
    everything = qtyping.TFLOperationName.ALL_SUPPORTED
    work.add_static_config(".*", everything, BITS, BITS)
    left_out = algorithm_manager.AlgorithmName.NO_QUANTIZE
    work.update_quantization_recipe(".*", qtyping.TFLOperationName.OUTPUT, algorithm_key=left_out)
    for operator, group in zip(content.operators, groups, strict=True):
        # Tables of embeddings are most of a small model's size.
        if operator.kind == "GATHER" or not is_among(group, float_sites):
            continue
        pattern = f"^{re.escape(content.name(operator))};$"
        if operator.kind == DENSE:
            dense = qtyping.TFLOperationName.FULLY_CONNECTED
            work.add_dynamic_config(pattern, dense, BITS)
        else:
            work.update_quantization_recipe(pattern, everything, algorithm_key=left_out)
    try:
        # It draws a bar that cannot be turned off, and warns of what it does itself.
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            made = work.quantize(
                _statistics(source, ranges), enable_progress_bar=False, enable_progress_report=False
            )
    except (RuntimeError, ValueError) as error:
        raise StageError(f"{target.name}: quantization failed ({error}); report this") from error
    target.write_bytes(made.quantized_model)


def _check_sites(known: Collection[str], sites: Collection[str]) -> None:
    for site in sites:
        if site not in known:
            raise ConfigError(f"float_sites: no site {site!r}; {nearest(site, sorted(set(known)))}")


def _statistics(source: Path, ranges: TensorRanges) -> dict[str, dict[str, Any]]:
    """The ranges as the quantizer takes them: arrays of the rank of their tensors."""
    model = qtyping.ModelT.InitFromPackedBuf(source.read_bytes(), 0)
    ranks = {tensor.name.decode(): len(tensor.shape) for tensor in model.subgraphs[0].tensors}
    return {
        name: {
            end: np.full((1,) * ranks[name], value, np.float32)
            for end, value in zip(("min", "max"), limits, strict=True)
        }
        for name, limits in ranges.items()
    }
