"""Training with those rows of the word table alone that the data uses.

The rows of other words never have a gradient: AdamW decays them, all by the same factor, and
changes nothing else. They are left out of the network that is trained and decayed at the end. For
SNIPS that is a third of a MiniLM's weights, with their gradients and moments.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bertline.errors import CheckpointError
from bertline.features.batches import FeatureSet, Ragged
from bertline.modeling.config import ModelSpec
from bertline.modeling.weights import Tensors

WORDS = "encoder/embeddings/words"
_PADDING_ID = 0


@dataclass(frozen=True)
class UsedWords:
    """The token ids that occur in some features, ascending; int64 [used]. Padding is one of them.

    The network that is trained knows a token by its place among them. table: the whole word table
    that training starts from, float32 [vocabulary, H].
    """

    ids: NDArray[np.int64]
    table: NDArray[np.float32]

    @classmethod
    def of(cls, spec: ModelSpec, start: Tensors, *sets: FeatureSet) -> Self:
        """The token ids of these features, and the word table of the weights `start`.

        Raises CheckpointError if there is none, or one of another shape than `spec` asks for.
        """
        shape = (spec.encoder.vocab_size, spec.encoder.hidden_size)
        found = start[WORDS].shape if WORDS in start else None
        if found != shape:
            raise CheckpointError(
                f"the weights to start from: {WORDS!r} has shape {found}, the config asks for "
                f"{shape}; use the config that belongs to the weights"
            )
        ids = np.unique(np.concatenate([[_PADDING_ID], *(ids_of(each) for each in sets)]))
        return cls(ids, start[WORDS])

    def features(self, features: FeatureSet) -> FeatureSet:
        """The features with places instead of ids."""
        places = np.searchsorted(self.ids, ids_of(features)).astype(np.int32)
        column = Ragged(places, features.columns["input_ids"].offsets)
        return replace(features, columns=features.columns | {"input_ids": column})

    def spec(self, spec: ModelSpec) -> ModelSpec:
        """The model with a table of as many words."""
        encoder = spec.encoder.model_copy(update={"vocab_size": len(self.ids)})
        return spec.model_copy(update={"encoder": encoder})

    def weights(self, start: Tensors) -> Tensors:
        """The weights that training starts from, with the used rows of the word table."""
        return start | {WORDS: self.table[self.ids]}

    def all_weights(self, trained: Tensors, remaining: float) -> Tensors:
        """The trained weights with the whole word table.

        remaining: the share of a row without a gradient that weight decay leaves.
        """
        words = self.table * np.float32(remaining)
        words[self.ids] = trained[WORDS]
        return trained | {WORDS: words}


def ids_of(features: FeatureSet) -> NDArray[np.int32]:
    """The token ids of all examples, one after another; none where there is no example."""
    return features.columns["input_ids"].values if len(features) else np.zeros(0, np.int32)
