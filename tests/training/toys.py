"""A task that a toy encoder learns in seconds: words tell their tags, the first word the intent."""

from collections.abc import Sequence

import keras
import numpy as np

from bertline.features.batches import FeatureSet, Record
from bertline.modeling.config import ModelSpec
from bertline.modeling.model import build_model
from bertline.modeling.weights import Tensors, tensors_of
from tests.modeling.toys import VOCABULARY, toy_spec

CLS, SEP, FIRST_WORD = 2, 3, 4
# Small enough to be trained in one test after another; smooth enough to be trained at all.
SPEC = toy_spec(num_hidden_layers=1, initializer_range=0.1)


def toy_features(lengths: Sequence[int], seed: int = 0) -> FeatureSet:
    """Examples of these lengths in tokens, as tokenize would make them."""
    random = np.random.default_rng(seed)
    return FeatureSet.of(
        toy_record(f"e{number}", random.integers(FIRST_WORD, len(VOCABULARY), length - 2))
        for number, length in enumerate(lengths)
    )


def toy_record(
    id: str, words: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]
) -> Record:
    ids = np.array([CLS, *words, SEP], np.int32)
    columns = {
        "input_ids": ids,
        "tag_ids": np.where(ids >= FIRST_WORD, ids % 3, -1).astype(np.int32),
        "intent_id": np.array([ids[1] % 2], np.int32),
    }
    return Record(id, columns)


def encoder_weights(spec: ModelSpec = SPEC) -> Tensors:
    """The same random weights at every call."""
    keras.utils.set_random_seed(7)
    return tensors_of(build_model(spec).get_layer("encoder").trainable_variables)
