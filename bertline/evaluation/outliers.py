"""Outliers of the residual stream: channels in which a few tokens are far above all else.

Where one range has to hold a whole tensor they leave no room for the others (Bondarenko et al.
2021, arXiv:2109.12948).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bertline.evaluation.sensitivity import Outlier
from bertline.export.openvino import Sample
from bertline.export.sites import sites_of
from bertline.export.tensors import AllTensors
from bertline.features.tokenizer import Tokenizer

KINDS = ("attention_output", "attention_sum", "output", "output_sum")
MAKERS = ("FULLY_CONNECTED", "ADD")
PERCENTILE = 98
FACTOR = 1.5
MOST = 3
"""Told of each site."""


def find_outliers(
    path: Path, samples: Sequence[Sample], ids_input: str, tokenizer: Tokenizer
) -> list[Outlier]:
    """The largest outliers of each site of KINDS, MOST of a site, over all samples.

    path: a float LiteRT file. ids_input: name of its input of token ids.
    """
    tensors = AllTensors(path)
    content = tensors.content
    makers = {
        site: operator.outputs[0]
        for operator, site in zip(content.operators, sites_of(content), strict=True)
        if site.rpartition("/")[2] in KINDS and operator.kind in MAKERS
    }
    largest: dict[str, np.ndarray] = {}  # [channels]
    found_at: dict[str, np.ndarray] = {}  # [channels, (id, position)]
    for sample in samples:
        tensors.run(sample)
        ids = sample[ids_input][0]
        for site, number in makers.items():
            values = np.abs(tensors.value(number))
            values = values.reshape(-1, values.shape[-1])[: len(ids)]  # [tokens, channels]
            positions = values.argmax(axis=0)
            peaks = values.max(axis=0)
            places = np.stack([ids[positions], positions], axis=1)
            if site in largest:
                kept = largest[site] >= peaks
                peaks = np.where(kept, largest[site], peaks)
                places = np.where(kept[:, None], found_at[site], places)
            largest[site], found_at[site] = peaks, places
    pieces = {number: piece for piece, number in tokenizer.vocabulary.items()}
    found = []
    for site, peaks in largest.items():
        usual = float(np.percentile(peaks, PERCENTILE))
        for channel in np.argsort(-peaks)[:MOST].tolist():
            if peaks[channel] > FACTOR * usual:
                token, position = found_at[site][channel].tolist()
                found.append(
                    Outlier(
                        site=site,
                        channel=channel,
                        size=float(peaks[channel]),
                        usual=usual,
                        token=pieces[token],
                        position=position,
                    )
                )
    return found
