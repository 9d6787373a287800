"""What is derived from the declaration of sites, on a small family."""

import pytest

from bertline.modeling.quantization import Shown, Site
from bertline.modeling.site_table import SiteTable, layer_norm_sites

TABLE = SiteTable(
    outside={"embeddings": {"sum": Site(group="embeddings", litert=Shown(name="embed"))}},
    block={
        "dense": Site(litert=Shown("FULLY_CONNECTED", "dense"), has_outliers=True),
        "sum": Site(branch="dense", skip="norm", litert=Shown("ADD", after=("dense",))),
        **layer_norm_sites("norm", Site(stays_float=True, openvino=Shown(name="norm"))),
        "rest": Site(litert=Shown()),
    },
)


def test_sites_of_an_encoder_are_those_of_its_blocks_and_of_what_is_outside() -> None:
    inside = [f"norm/{n}" for n in ("mean", "centred", "squared", "variance", "inverse", "normal")]
    names = ["dense", "sum", *inside, "norm", "rest"]
    assert list(TABLE.named(2)) == [
        "embeddings/sum",
        *(f"layer_0/{name}" for name in names),
        *(f"layer_1/{name}" for name in names),
    ]


def test_each_runtime_is_shown_what_is_declared_for_it() -> None:
    assert [name for name, _ in TABLE.shown("litert", in_block=True)] == ["dense", "sum", "rest"]
    assert [name for name, _ in TABLE.shown("openvino", in_block=True)] == ["norm"]
    assert [name for name, _ in TABLE.shown("litert", in_block=False)] == ["embeddings/sum"]


def test_sums_branches_and_skips_belong_together() -> None:
    assert TABLE.branches == {"sum": "dense"}
    assert TABLE.sums == {"dense": "sum"}
    assert TABLE.skips == ("norm",)


def test_kinds_that_stay_float_are_those_declared_and_what_no_site_is() -> None:
    assert TABLE.kinds == ("embeddings", "dense", "sum", "norm", "rest", "fold", "head")
    assert TABLE.float_kinds == ("norm", "fold", "head")
    assert TABLE.outlier_kinds == ("dense",)


def test_a_variance_alone_has_a_least_value() -> None:
    least = {name: site.least for name, site in TABLE.block.items() if site.least is not None}
    assert least == {"norm/variance": 1e-3}


@pytest.mark.parametrize(
    ("shown", "fits"),
    [
        (Shown(), True),
        (Shown("ADD"), True),
        (Shown("MUL"), False),
        (Shown(name="NORM"), True),
        (Shown(name="^norm"), False),
        (Shown(after=("dense",)), True),
        (Shown(after=("layer_*/dense",)), True),
        (Shown(after=("sum",)), False),
        (Shown("ADD", "norm", after=("dense",)), True),
        (Shown("MUL", "norm", after=("dense",)), False),
    ],
)
def test_an_operation_fits_where_all_that_is_asked_for_is_there(shown: Shown, fits: bool) -> None:
    assert shown.fits("ADD", "layer_0/norm/add", ["layer_0/dense", "mask"]) is fits


def test_what_asks_for_more_comes_first() -> None:
    order = [
        Shown("ADD", "norm"),
        Shown(name="norm"),
        Shown("ADD", after=("dense",)),
        Shown("ADD"),
        Shown(after=("dense",)),
        Shown(),
    ]
    shuffled = order[3:] + order[:3]
    assert sorted(shuffled, key=lambda shown: shown.order) == order
