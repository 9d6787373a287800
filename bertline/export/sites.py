"""The sites of a LiteRT file: which operators compute them, and which are quantized together.

The family of the encoder declares how its sites show in a graph (bertline.modeling.site_table): by
the kind of an operator, by the name that TensorFlow's converter gives its output, which contains
that of the layer, and by the sites that it reads. An operator that only moves values belongs to the
site that they come from.

Groups of sites are quantized or left float together. Most have one site and its name,
"layer_3/output_sum"; the kind of a group is what its name ends with. "head" has all of a head, and
"layer_3/fold" the products that fold outliers (bertline.export.folding).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bertline.export.tflite import Content, Operator
from bertline.modeling.quantization import Shown
from bertline.modeling.site_table import FOLD, HEAD, SiteTable

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
DENSE = "FULLY_CONNECTED"
BLOCK = re.compile(r"layer_(?:\._)?(\d+)")
"""The name of a block in a graph, also in Hugging Face's own for TensorFlow."""
_HEADS = [(HEAD, Shown(DENSE)), (HEAD, Shown(after=("layer_*/*", HEAD)))]
Rows = Sequence[tuple[str, Shown]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operator belongs: a site of the network by its full name, and the site's group."""

    site: str
    group: str


def places_of(content: Content, sites: SiteTable) -> list[Place]:
    """The place of each operator of a file, in their order; sites: of its encoder's family."""
    folds = (FOLD, Shown("MUL", after=(*sites.branches, *sites.skips)))
    rows = {
        True: [*sites.shown("litert", in_block=True), folds],
        False: [*sites.shown("litert", in_block=False), *_HEADS],
    }
    made_at: dict[int, Place] = {}
    found = []
    for operator in content.operators:
        before = [made_at[number] for number in operator.inputs if number in made_at]
        if operator.kind in MOVES and before:
            place = before[0]
        else:
            place = _place(operator, content.name(operator), before, sites, rows)
        made_at.update(dict.fromkeys(operator.outputs, place))
        found.append(place)
    return found


def groups_of(content: Content, sites: SiteTable) -> list[str]:
    """The group of each operator of a file, in their order."""
    return [place.group for place in places_of(content, sites)]


def is_among(group: str, chosen: Collection[str]) -> bool:
    """Whether `group` is one of `chosen`, by its name or by its kind."""
    return group in chosen or group.rpartition("/")[2] in chosen


def first_fitting(rows: Rows, operator: str, name: str, before: Collection[str] = ()) -> str | None:
    """The site of the row that an operation fits; of several, see `Shown`."""
    fitting = (row for row in rows if row[1].fits(operator, name, before))
    row = min(fitting, key=lambda row: row[1].order, default=None)
    return row[0] if row else None


def _place(
    operator: Operator,
    name: str,
    before: Sequence[Place],
    sites: SiteTable,
    rows: Mapping[bool, Rows],
) -> Place:
    read = {place.site for place in before} | {place.group for place in before}
    # An operator into which one of the block before was folded bears both names, its own last.
    blocks = BLOCK.findall(name)
    if operator.kind == DENSE:
        name = _own_name(name)
    site = first_fitting(rows[bool(blocks)], operator.kind, name, read)
    assert site is not None, f"no site for what no other shows: {operator.kind} {name}"
    if not blocks:
        known = sites.once.get(site)
        return Place(site, known.group or site if known else site)
    part, known = f"layer_{blocks[-1]}", sites.block.get(site)
    return Place(f"{part}/{site}", f"{part}/{known.group or site if known else site}")


def _own_name(name: str) -> str:
    """The part of a dense layer's joined names that is its own, from the block on."""
    own = next((each for each in reversed(name.split(";")) if "MatMul" in each), name)
    return own[max(own.rfind("layer_"), 0) :]
