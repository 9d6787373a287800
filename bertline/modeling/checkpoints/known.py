"""The published checkpoints of all families, by name."""

from bertline.modeling.families.base import Published
from bertline.modeling.families.lookup import family_named
from bertline.tables.families import FAMILIES

KNOWN: dict[str, Published] = {
    published.name: published for family in FAMILIES for published in family_named(family).published
}


def table_lines() -> list[str]:
    """The checkpoints as aligned columns of text, a heading first."""
    rows = [("name", "layers", "hidden", "heads", "parameters", "casing", "address")]
    rows += [
        (
            known.name,
            str(known.config.num_hidden_layers),
            str(known.config.hidden_size),
            str(known.config.num_attention_heads),
            f"{known.num_parameters / 1e6:.1f}M",
            "uncased" if known.config.do_lower_case else "cased",
            known.address,
        )
        for known in KNOWN.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if 1 <= place <= 4 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
