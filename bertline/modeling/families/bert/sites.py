"""The quantization sites of BERT, and how the graphs of LiteRT and OpenVINO show them.

Layer normalization stays float in LiteRT files with int8 activations for its accuracy, the head and
the pooler since its logits are the outputs. Attention and GELU do because XNNPACK has no int8
kernel for a softmax, a GELU or the product of two activations: each of them would end a partition
and run in a slow kernel (docs/decisions/0012). BERT's outliers pass through `output` and
`output_sum`: one channel of [CLS] is ten times all others (Bondarenko et al. 2021,
arXiv:2109.12948).

LiteRT's patterns also fit the names of variables in Google's and Hugging Face's own networks, whose
graphs `convert` reads.
"""

from bertline.modeling.families.bert.config import BertConfig
from bertline.modeling.quantization import MASKED_SCORE, SOFTMAX_RANGE, TANH_RANGE, Shown, Site
from bertline.modeling.site_table import HEAD, SiteTable, layer_norm_sites

_DENSE, _PRODUCT = "FULLY_CONNECTED", "BATCH_MATMUL"


def _projection(name: str) -> Site:
    return Site(
        group="query_key_value",
        litert=Shown(_DENSE, name),
        openvino=Shown(name=rf"attention\w*/{name}"),
    )


_ENCODER = {
    "mask": Site(
        axes="texts", fixed=(MASKED_SCORE, 0.0), group="mask", stays_float=True, litert=Shown()
    ),
    "pooler": Site(axes="texts", group=HEAD, litert=Shown(_DENSE, "pooler")),
    "pooled": Site(
        axes="texts", fixed=TANH_RANGE, group=HEAD, litert=Shown("TANH"), openvino=Shown("Tanh")
    ),
}
_EMBEDDINGS = {
    "words": Site(group="embeddings"),
    "segments": Site(group="embeddings"),
    "positions": Site(axes="positions", group="embeddings"),
    "words_segments": Site(group="embeddings"),
    # Gathers outside blocks are look-ups in tables, whose names need not tell it in foreign graphs.
    "sum": Site(group="embeddings", litert=Shown(name=r"^(?!.*norm).*(embeddings|gather)")),
    **layer_norm_sites(
        "norm",
        Site(
            group="embeddings/norm",
            stays_float=True,
            litert=Shown(name="norm"),
            openvino=Shown(name="embeddings.*norm"),
        ),
    ),
}
_BLOCK = {
    "query": _projection("query"),
    "key": _projection("key"),
    "value": _projection("value"),
    "scores": Site(axes="pairs", stays_float=True, litert=Shown(_PRODUCT)),
    "scaled": Site(axes="pairs", group="scores", stays_float=True, litert=Shown(after=("scores",))),
    # Padding lies this far below: e^-10 of 256 levels is none.
    "masked": Site(
        axes="pairs",
        below=10.0,
        group="scores",
        stays_float=True,
        litert=Shown("ADD", after=("scores",)),
    ),
    "softmax": Site(axes="pairs", fixed=SOFTMAX_RANGE, stays_float=True, litert=Shown("SOFTMAX")),
    "context": Site(
        stays_float=True,
        litert=Shown(_PRODUCT, after=("softmax",)),
        openvino=Shown(name=r"attention\w*/MatMul"),
    ),
    "attention_output": Site(litert=Shown(_DENSE, "attention")),
    "attention_sum": Site(
        branch="attention_output",
        skip="output_norm",
        litert=Shown("ADD", after=("attention_output",)),
    ),
    **layer_norm_sites(
        "attention_norm",
        Site(
            stays_float=True,
            litert=Shown(name="attention.*norm|norm.*attention"),
            openvino=Shown(name="attention_norm"),
        ),
    ),
    "intermediate": Site(litert=Shown(_DENSE, "intermediate")),
    "activation": Site(stays_float=True, litert=Shown(), openvino=Shown(name="^[^/]+$")),
    "output": Site(has_outliers=True, litert=Shown(_DENSE, ".")),
    "output_sum": Site(
        branch="output",
        skip="attention_norm",
        has_outliers=True,
        litert=Shown("ADD", after=("output",)),
    ),
    **layer_norm_sites(
        "output_norm",
        Site(stays_float=True, litert=Shown(name="norm"), openvino=Shown(name="output_norm")),
    ),
}
SITES = SiteTable(outside={"encoder": _ENCODER, "embeddings": _EMBEDDINGS}, block=_BLOCK)


def lacking(config: BertConfig) -> tuple[str, ...]:
    """The sites that an encoder with this config does not have."""
    return () if config.has_pooler else ("encoder/pooler", "encoder/pooled")
