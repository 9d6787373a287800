"""Outliers of the residual stream as they are told: at which token of which sum, and how large."""

from collections.abc import Mapping, Sequence

from bertline.evaluation.sensitivity import Outlier
from bertline.export.openvino import Sample
from bertline.export.outliers import Peaks
from bertline.features.tokenizer import Tokenizer

MOST = 3
"""Told of each site."""


def tell_outliers(
    peaks: Mapping[str, Peaks], samples: Sequence[Sample], ids_input: str, tokenizer: Tokenizer
) -> list[Outlier]:
    """The largest outliers of each site, MOST of a site.

    samples: those that `peaks` were found in. ids_input: name of the input of token ids.
    """
    pieces = {number: piece for piece, number in tokenizer.vocabulary.items()}
    told = []
    for site, found in peaks.items():
        for channel in found.outliers()[:MOST]:
            position = int(found.positions[channel])
            token = samples[found.samples[channel]][ids_input][0, position]
            told.append(
                Outlier(
                    site=site,
                    channel=channel,
                    size=float(found.sizes[channel]),
                    usual=found.usual,
                    token=pieces[int(token)],
                    position=position,
                )
            )
    return told
