from dataclasses import replace

import numpy as np
import pytest

from bertline.evaluation.judges import judge_for
from bertline.evaluation.judges.bio import Truth
from bertline.evaluation.material import Material, Split
from bertline.evaluation.measure import agreement_of, file_result, logit_difference, observe
from bertline.evaluation.predictors import Batch, Logits
from bertline.evaluation.results import FileFacts
from bertline.features.answers import Meanings
from bertline.features.spec import AnswerSpec, InputSpec, TokenizerSpec
from bertline.features.tokenizer import Tokenizer
from bertline.modeling.config import ModelSpec
from bertline.modeling.families.bert.config import BertConfig
from bertline.tasks import get_task
from tests.evaluation.toy_material import LABELS, TablePredictor, write_material
from tests.toy_model import MAX_SEQ_LENGTH, VOCABULARY

FACTS = FileFacts(name="toy", runtime="openvino", precision="int8", size_bytes=7)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    examples, features = write_material(tmp_path_factory.mktemp("measure"))
    encoder = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
    )
    train = Split.read(examples, features, "train")
    tokenizer = Tokenizer({word: id for id, word in enumerate(VOCABULARY)}, TokenizerSpec())
    return Material(
        meanings=Meanings(tokenizer, LABELS, AnswerSpec()),
        judge=judge_for(get_task("snips")),
        spec=ModelSpec(
            task="snips",
            head="intent_slots",
            encoder=encoder,
            labels=LABELS,
            inputs=InputSpec(max_seq_length=MAX_SEQ_LENGTH),
        ),
        test=Split.read(examples, features, "test"),
        truths=[
            Truth("PlayMusic", ["O", "O", "B-genre"]),
            Truth("RateBook", ["O", "B-artist", "I-artist", "O"]),
            Truth("RateBook", ["O"] * 6),
        ],
        leaked=np.array([True, False, False]),
        train=train,
        agreement=train.part(np.arange(10)),
        latency_rows=np.array([0, 2]),
        throughput_rows=np.arange(3),
    )


class Recording(TablePredictor):
    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: Batch) -> Logits:
        self.shapes.append(batch["input_ids"].shape)
        return super().__call__(batch)


@pytest.mark.parametrize("timed", [[0, 1, 2], [1], [2, 0]])
def test_what_is_timed_is_warm_and_gives_the_logits(material: Material, timed: list[int]) -> None:
    predictor = Recording()
    some = replace(material, throughput_rows=np.sort(timed))
    observed = observe(predictor, some, batch_size=2)
    expected = observe(TablePredictor(), material, batch_size=1)
    assert logit_difference(observed.logits, expected.logits) == 0
    assert observed.timing.batched_examples == len(timed)
    # The last calls are the timed ones: two texts one by one, then those for throughput in batches.
    num_timed = 2 + -(-len(timed) // 2)
    before = predictor.shapes[:-num_timed]
    for shape in predictor.shapes[-num_timed:]:
        assert before.count(shape) >= 2


def test_results_by_hand(material: Material) -> None:
    observed = observe(TablePredictor(), material, batch_size=2)
    result = file_result(FACTS, observed, None, material, bootstrap_samples=10)
    # test-2 is answered PlayMusic with "miles" and "davis davis" as artists:
    # 2 gold slots, 4 answered, 2 right; 2 intents of 3
    assert result.metrics == pytest.approx(
        {
            "slot_f1": 100 * 4 / 6,
            "slot_precision": 50,
            "slot_recall": 100,
            "intent_accuracy": 200 / 3,
            "sentence_accuracy": 200 / 3,
        }
    )
    # without test-0: 1 gold slot, 3 answered, 1 right
    assert result.metrics_without_leaked["slot_f1"] == pytest.approx(50)
    assert result.metrics_without_leaked["intent_accuracy"] == pytest.approx(50)
    confusion = next(table for table in result.tables if table.is_confusion)
    assert confusion.rows == (("PlayMusic", 1, 0), ("RateBook", 1, 1))
    assert result.timing.calls == 2
    assert result.timing.batched_examples == 3
    assert (result.drops, result.logit_difference, result.agreement) == (None, None, None)
    assert (result.name, result.size_bytes, result.finite_logits) == ("toy", 7, True)


def test_a_file_against_the_reference(material: Material) -> None:
    reference = observe(TablePredictor("keras"), material, batch_size=4)
    # 3.5 more for PlayMusic and "O": "rate" (3 for RateBook) is no longer heard,
    # "jazz" and "miles" (4 for their tags) still are. "davis" can only go on an artist of the word
    # before, and the "O" of "some" is now worth as much.
    shifted = observe(TablePredictor(shift=3.5, fixed_batch=1), material, batch_size=4)
    result = file_result(FACTS, shifted, reference, material, bootstrap_samples=100)
    assert result.logit_difference == pytest.approx(3.5)
    assert result.agreement is not None
    assert result.agreement.model_dump() == {"count": 10, "same": {"intent": 50, "slots": 80}}
    assert result.drops is not None
    assert result.drops["intent_accuracy"].estimate == pytest.approx(100 / 3)
    # Of test-2 "miles" alone is left: 3 slots answered and no longer 4.
    assert result.drops["slot_f1"].estimate == pytest.approx(100 * (4 / 6 - 4 / 5))
    assert result.drops["slot_f1"].high == 0


def test_logits_that_are_not_finite_are_told_apart(material: Material) -> None:
    reference = observe(TablePredictor("keras"), material, batch_size=4)
    broken = observe(TablePredictor(shift=float("nan")), material, batch_size=4)
    result = file_result(FACTS, broken, reference, material, bootstrap_samples=10)
    assert not result.finite_logits
    assert result.logit_difference is None


def test_logit_difference_looks_at_every_output() -> None:
    first = [{"a": np.array([1, 2], np.float32), "b": np.array([[0, 0]], np.float32)}]
    second = [{"a": np.array([1, 2.5], np.float32), "b": np.array([[0, -1]], np.float32)}]
    assert logit_difference(first, second) == 1


def test_without_agreement_texts_there_is_no_agreement(material: Material) -> None:
    empty = replace(material, agreement=material.train.part(np.arange(0)))
    observed = observe(TablePredictor(), empty, batch_size=4)
    assert observed.agreement_answers == []
    assert agreement_of([], [], ("intent",)) is None


def test_progress_is_shown(material: Material, capsys: pytest.CaptureFixture[str]) -> None:
    observe(TablePredictor("openvino_int8"), material, batch_size=4)
    assert "evaluate openvino_int8 13/13 100% texts" in capsys.readouterr().err
