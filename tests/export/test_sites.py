import pytest

from bertline.export.sites import groups_of, is_among
from bertline.export.tflite import Content, FileTensor, Operator
from bertline.modeling.families.bert.sites import SITES

BLOCK = "snips_1/encoder_1/layer_1_1"
NORM = "snips_1/encoder_1/layer_0_1/output_norm_1"
FOLDED = f"{NORM}/add_1;{BLOCK}/attention_1/key_1/MatMul;{BLOCK}/attention_1/key_1/BiasAdd1"
# Of an encoder's file, in the order of its operators: kind, inputs by number, output, site.
OPERATORS = [
    ("CAST", [], "snips_1/encoder_1/Cast", "mask"),
    ("SUB", [0], "snips_1/encoder_1/sub", "mask"),
    ("GATHER", [], "snips_1/encoder_1/embeddings_1/GatherV2;", "embeddings"),
    ("ADD", [2], "snips_1/encoder_1/embeddings_1/add", "embeddings"),
    ("MEAN", [3], "snips_1/encoder_1/embeddings_1/norm_1/Mean", "embeddings/norm"),
    ("MUL", [4], f"{NORM}/mul", "layer_0/output_norm"),
    ("FULLY_CONNECTED", [5], FOLDED, "layer_1/query_key_value"),
    ("RESHAPE", [6], f"{BLOCK}/attention_1/Reshape_1", "layer_1/query_key_value"),
    ("BATCH_MATMUL", [7, 7], f"{BLOCK}/attention_1/MatMul", "layer_1/scores"),
    ("ADD", [8, 1], f"{BLOCK}/attention_1/add", "layer_1/scores"),
    ("SOFTMAX", [9], f"{BLOCK}/attention_1/Softmax", "layer_1/softmax"),
    ("BATCH_MATMUL", [10, 7], f"{BLOCK}/attention_1/MatMul_1", "layer_1/context"),
    ("TRANSPOSE", [11], f"{BLOCK}/attention_1/transpose_4", "layer_1/context"),
    ("FULLY_CONNECTED", [12], f"{BLOCK}/attention_1/output_1/MatMul", "layer_1/attention_output"),
    ("ADD", [5, 13], f"{BLOCK}/add", "layer_1/attention_sum"),
    ("RSQRT", [14], f"{BLOCK}/attention_norm_1/truediv", "layer_1/attention_norm"),
    ("FULLY_CONNECTED", [15], f"{BLOCK}/intermediate_1/MatMul", "layer_1/intermediate"),
    ("GELU", [16], f"1/layer_1_1/mul_2;;{BLOCK}/mul;{BLOCK}/Erf", "layer_1/activation"),
    ("ADD", [16], f"{BLOCK}/add_1", "layer_1/activation"),
    ("FULLY_CONNECTED", [17], f"{BLOCK}/output_1/MatMul", "layer_1/output"),
    ("ADD", [15, 19], f"{BLOCK}/add_2", "layer_1/output_sum"),
    ("FULLY_CONNECTED", [20], "PartitionedCall:0", "head"),
    ("TANH", [21], "snips_1/encoder_1/Tanh", "head"),
]


def content() -> Content:
    return Content(
        tensors=tuple(FileTensor(name, "FLOAT32", None, None, 0) for _, _, name, _ in OPERATORS),
        operators=tuple(
            Operator(kind, tuple(inputs), (number,), is_custom=False)
            for number, (kind, inputs, _, _) in enumerate(OPERATORS)
        ),
        inputs=(),
        outputs=(len(OPERATORS) - 1,),
    )


def test_every_operator_of_a_block_has_its_site() -> None:
    assert groups_of(content(), SITES) == [site for *_, site in OPERATORS]


@pytest.mark.parametrize(
    ("site", "chosen", "expected"),
    [
        ("layer_1/output", ("output",), True),
        ("layer_1/output", ("layer_1/output",), True),
        ("layer_1/output", ("layer_0/output", "output_sum"), False),
        ("head", ("head",), True),
    ],
)
def test_sites_are_chosen_by_name_or_kind(
    site: str, chosen: tuple[str, ...], expected: bool
) -> None:
    assert is_among(site, chosen) is expected
