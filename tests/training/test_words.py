from pathlib import Path

import numpy as np
import pytest

from bertline.errors import CheckpointError
from bertline.features.batches import FeatureSet
from bertline.modeling.model import build_model
from bertline.modeling.weights import assign, tensors_of
from bertline.training.devices import make_reproducible
from bertline.training.finetune import finetune
from bertline.training.fit import Trained, fit
from bertline.training.losses import OBJECTIVES
from bertline.training.settings import FitSettings
from bertline.training.words import WORDS, UsedWords
from tests.modeling.toys import VOCABULARY
from tests.training.toys import SPEC, encoder_weights, toy_record

# [CLS] is 2 and [SEP] 3; of 30 words six are used, 25 by the dev example alone.
TRAIN = FeatureSet.of(toy_record(f"e{n}", [4 + n % 2, 9, 20][: 2 + n % 2]) for n in range(12))
DEV = FeatureSet.of([toy_record("dev", [25, 4])])
IDS = [0, 2, 3, 4, 5, 9, 20, 25]


def test_tokens_are_known_by_their_place() -> None:
    start = encoder_weights()
    used = UsedWords.of(SPEC, start, TRAIN, DEV)
    assert used.ids.tolist() == IDS
    assert used.spec(SPEC).encoder.vocab_size == 8
    features = used.features(DEV)
    assert features.record(0)["input_ids"].tolist() == [1, 7, 3, 2]
    assert features.record(0)["input_ids"].dtype == np.int32
    assert features.record(0)["tag_ids"].tolist() == DEV.record(0)["tag_ids"].tolist()
    weights = used.weights(start)
    assert (weights[WORDS] == start[WORDS][IDS]).all()
    assert weights.keys() == start.keys()


def test_features_without_examples_use_no_word() -> None:
    used = UsedWords.of(SPEC, encoder_weights(), TRAIN, FeatureSet([], {}))
    assert used.ids.tolist() == IDS[:-1]


def test_other_rows_decay() -> None:
    start = encoder_weights()
    used = UsedWords.of(SPEC, start, DEV)
    trained = used.weights(start) | {WORDS: np.ones((5, 8), np.float32)}
    words = used.all_weights(trained, remaining=0.5)[WORDS]
    assert (words[used.ids] == 1).all()
    others = np.setdiff1d(np.arange(len(VOCABULARY)), used.ids)
    assert (words[others] == start[WORDS][others] / 2).all()


def test_the_whole_table_would_be_trained_to_the_same_weights(tmp_path: Path) -> None:
    settings = FitSettings(
        num_epochs=2, batch_size=4, learning_rate=0.02, weight_decay=0.5, precision="float32"
    )
    weights, _, history = finetune(
        SPEC, encoder_weights(), TRAIN, DEV, settings, tmp_path / "used words"
    )
    make_reproducible(settings.seed)
    network = build_model(SPEC)
    assign(network.get_layer("encoder").trainable_variables, encoder_weights(), where="toy")
    whole = Trained(network, OBJECTIVES[SPEC.head])
    expected_history = fit(whole, TRAIN, DEV, settings, tmp_path / "all words")
    for path, expected in tensors_of(network.trainable_variables).items():
        np.testing.assert_allclose(weights[path], expected, atol=1e-6, err_msg=path)
    for entry, expected_entry in zip(history, expected_history, strict=True):
        assert entry == pytest.approx(expected_entry, abs=1e-5)


def test_a_word_table_of_another_size_is_told() -> None:
    weights = encoder_weights()
    weights[WORDS] = weights[WORDS][:-1]
    with pytest.raises(CheckpointError, match=r"words' has shape \(29, 8\), .* asks for \(30, 8\)"):
        UsedWords.of(SPEC, weights, TRAIN)
    del weights[WORDS]
    with pytest.raises(CheckpointError, match=r"embeddings/words' has shape None"):
        UsedWords.of(SPEC, weights, TRAIN)
