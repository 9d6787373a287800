import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bertline
from bertline.artifacts import new_artifact, write_json
from bertline.errors import CheckpointError, ConfigError, DataError, StorageError
from bertline.evaluation import inference
from bertline.evaluation.inference import LoadedModel, read_items
from bertline.evaluation.instruction_sets import SETS, InstructionSetWarning
from bertline.evaluation.predictors import Batch, Logits
from bertline.examples import Slot
from bertline.export.listing import ExportedFile, Exports
from bertline.features.kinds import KINDS

NAMES = ["openvino_int8", "litert_dynamic_int8", "saved_model"]
TEXT = "Play some jazz by Miles Davis!"


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest, toy_folder: Path) -> LoadedModel:
    return bertline.load(toy_folder, request.param)


@pytest.fixture(scope="module")
def openvino_model(toy_folder: Path) -> LoadedModel:
    return bertline.load(str(toy_folder))


def test_answer_as_worked_out_by_hand(model: LoadedModel) -> None:
    [answer] = model.predict([TEXT])
    assert answer.intent == "PlayMusic"
    assert answer.probability == pytest.approx(1 / (1 + math.exp(-2)))
    assert answer.slots == (Slot("genre", 10, 14), Slot("artist", 18, 29))
    assert answer.tags == ["O", "O", "B-genre", "O", "B-artist", "I-artist", "O"]
    assert not answer.truncated


@given(
    texts=st.lists(
        st.lists(
            st.sampled_from(["play", "rate", "jazz", "miles", "davis", "by", "!", "Ünknown"]),
            min_size=1,
            max_size=30,
        ).map(" ".join),
        max_size=80,
    )
)
def test_answers_are_those_of_one_text_at_a_time_in_order(
    openvino_model: LoadedModel, texts: list[str]
) -> None:
    answers = openvino_model.predict(texts)
    assert answers == [openvino_model.predict([text])[0] for text in texts]
    assert answers == list(openvino_model.predict_stream(texts, chunk=7))


def test_all_runtimes_give_the_same_answers(
    model: LoadedModel, openvino_model: LoadedModel
) -> None:
    texts = [TEXT, "rate jazz", "jazzly davis by", "play " * 40, "?"]
    for answer, other in zip(model.predict(texts), openvino_model.predict(texts), strict=True):
        assert (answer.intent, answer.slots) == (other.intent, other.slots)
        assert answer.probability == pytest.approx(other.probability)


def test_a_long_text_is_read_in_its_beginning_and_says_so(openvino_model: LoadedModel) -> None:
    fits, too_long = openvino_model.predict(["rate " * 18, "rate " * 18 + "jazz"])
    assert (fits.truncated, too_long.truncated) == (False, True)
    assert too_long.intent == "RateBook"
    assert too_long.tags == ["O"] * 19
    assert too_long.slots == ()


def test_a_stream_holds_one_chunk_and_counts_what_is_done(openvino_model: LoadedModel) -> None:
    taken: list[int] = []
    done: list[int] = []

    def endless() -> Iterator[str]:
        while True:
            taken.append(1)
            yield TEXT

    answers = openvino_model.predict_stream(endless(), chunk=50, progress=done.append)
    for _ in range(60):
        assert next(answers).intent == "PlayMusic"
    assert len(taken) == 100
    assert done == [32, 18, 32, 18]


def test_warm_runs_every_padded_length(openvino_model: LoadedModel) -> None:
    lengths = []

    class Recorder:
        name = "recorder"
        fixed_batch: int | None = None

        def __call__(self, batch: Batch) -> Logits:
            lengths.append(batch["input_ids"].shape)
            return {}

    LoadedModel(openvino_model.spec, openvino_model.tokenizer, Recorder()).warm()
    assert lengths == [(1, 8), (1, 16), (1, 24)]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_answer_that_is_no_number_is_an_error(openvino_model: LoadedModel, bad: float) -> None:
    class Broken:
        name = "broken"
        fixed_batch: int | None = 1

        def __call__(self, batch: Batch) -> Logits:
            logits = dict(openvino_model.predictor(batch))
            if batch["input_ids"].shape[1] > 8:
                logits["intent_logits"][0, 1] = bad
            return logits

    model = LoadedModel(openvino_model.spec, openvino_model.tokenizer, Broken())
    assert len(model.predict(["play"])) == 1
    with pytest.raises(CheckpointError, match=r"text 2: broken answers with NaN or infinity; exp"):
        model.predict(["play", "play some jazz by miles davis !"])


def test_a_pair_needs_two_segments(openvino_model: LoadedModel) -> None:
    encoder = openvino_model.spec.encoder.model_copy(update={"type_vocab_size": 1})
    changes = {"encoder": encoder, "head": "classifier", "labels": {"classes": ["a", "b"]}}
    spec = openvino_model.spec.model_copy(update=changes)
    model = LoadedModel(spec, openvino_model.tokenizer, openvino_model.predictor)
    with pytest.raises(DataError, match=r"text 2 is a pair, but the encoder has one segment"):
        model.predict(["play", ("play", "jazz")])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("play some jazz", r"takes a list of texts.*give \['play some jazz'\]"),
        (["play", 7], "text 2 is int 7; give strings"),
        (["play", " \t"], r"text 2 \(' \\t'\) has no words"),
        (["play", "\u200b"], r"text 2 \('.u200b'\) has no words"),
        (["play", "a\ud800b"], "text 2 of 2 is not valid Unicode"),
    ],
)
def test_texts_that_are_none(openvino_model: LoadedModel, texts: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        openvino_model.predict(texts)


def test_a_text_of_a_later_chunk_is_named_by_its_own_number(openvino_model: LoadedModel) -> None:
    with pytest.raises(DataError, match="text 5 "):
        list(openvino_model.predict_stream(["play"] * 4 + [""], chunk=3))


def test_no_texts_have_no_answers(model: LoadedModel) -> None:
    assert model.predict([]) == []


@pytest.fixture
def vnni(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A processor with VNNI, or without it."""
    here = next(each for each in SETS if each.has_vnni == request.param)
    monkeypatch.setattr(inference, "find_instruction_set", lambda runtime: here)


@pytest.mark.parametrize("vnni", [False], indirect=True)
def test_without_vnni_litert_s_int8_comes_first(toy_folder: Path, vnni: None) -> None:
    assert inference.preferred_name(toy_folder) == "litert_dynamic_int8"


@pytest.mark.parametrize("vnni", [False], indirect=True)
def test_a_verdict_of_another_processor_is_told(
    toy_folder: Path, tmp_path: Path, vnni: None
) -> None:
    shutil.copytree(toy_folder, tmp_path / "model")
    exports = Exports.read(toy_folder)
    int8 = [file.model_copy(update={"precision": "int8"}) for file in exports.files]
    exports.model_copy(update={"files": tuple(int8)}).write(tmp_path / "model")
    files = [{"name": "litert_dynamic_int8", "instruction_set": "AMX"}]
    write_json(tmp_path / "model/verdict.json", {"files": files})
    with pytest.warns(InstructionSetWarning, match="^litert_dynamic_int8: judged on AMX, runs on"):
        bertline.load(tmp_path / "model")


@pytest.mark.parametrize("vnni", [True], indirect=True)
def test_by_default_the_fastest_kind_that_is_installed_is_taken(
    toy_folder: Path, monkeypatch: pytest.MonkeyPatch, vnni: None
) -> None:
    def is_installed(file: ExportedFile) -> bool:
        return file.runtime in installed

    monkeypatch.setattr(inference, "is_installed", is_installed)
    installed = {"saved_model", "litert", "openvino"}
    assert inference.preferred_name(toy_folder) == "openvino_int8"
    installed = {"saved_model", "litert"}
    assert inference.preferred_name(toy_folder) == "litert_dynamic_int8"
    installed = {"saved_model"}
    assert inference.preferred_name(toy_folder) == "saved_model"
    installed = set()
    with pytest.raises(ConfigError, match=r"pip install 'bertline\[litert\]'"):
        inference.preferred_name(toy_folder)


def test_a_registry_gives_its_latest_version(toy_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(toy_folder, tmp_path / "snips/3")
    with pytest.raises(ConfigError, match=r"snips: no model \(no exports\.json\); give a folder"):
        bertline.load(tmp_path / "snips")
    (tmp_path / "snips/latest").write_text("3\n")
    for address in ("snips", "snips/3", "snips/litert_dynamic_int8", "snips/3/saved_model"):
        assert bertline.load(tmp_path / address).predict([TEXT])[0].intent == "PlayMusic"
    with pytest.raises(ConfigError, match=r"a registry; add the name of one of its models: snips$"):
        bertline.load(tmp_path)


@pytest.mark.parametrize("stage", ["export", "convert"])
def test_a_run_gives_what_it_exported(toy_folder: Path, tmp_path: Path, stage: str) -> None:
    shutil.copytree(toy_folder, tmp_path / f"{stage}/exported")
    for address in ("", stage, f"{stage}/exported", "openvino_int8", f"{stage}/openvino_int8"):
        assert bertline.load(tmp_path / address).predictor.name == "openvino_int8"
    (tmp_path / "finetune/model").mkdir(parents=True)
    shutil.copy(toy_folder / "model.json", tmp_path / "finetune/model")
    with pytest.raises(ConfigError, match=r"finetune/model: a model that is not exported; write"):
        bertline.load(tmp_path / "finetune/model")


def test_an_encoder_answers_nothing(toy_folder: Path, tmp_path: Path) -> None:
    shutil.copy(toy_folder / "exports.json", tmp_path)
    with pytest.raises(ConfigError, match=r"holds a graph without a head of ours, which answers"):
        bertline.load(tmp_path)
    (tmp_path / "encoder.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"holds an encoder without a head of ours"):
        bertline.load(tmp_path)


def test_a_model_of_single_texts_takes_no_pairs(toy_folder: Path) -> None:
    loaded = bertline.load(toy_folder, "openvino_int8")
    fields = {"imdb": ("text",), "mrpc": ("text", "second_text"), "own": ("text", "second_text")}
    for task, expected in fields.items():
        spec = loaded.spec.model_copy(update={"task": task, "head": "classifier"})
        model = LoadedModel(spec, loaded.tokenizer, loaded.predictor)
        assert model.kind.fields == expected
    with pytest.raises(DataError, match=r"text 1 \(\('play', 'jazz'\)\): give \(text\)"):
        loaded.predict([("play", "jazz")])


@pytest.mark.parametrize("item", [("", "play"), ("play", ""), ("play", "\u200b"), (" ", "play")])
def test_a_pair_with_an_empty_text_is_refused(toy_folder: Path, item: tuple[str, str]) -> None:
    loaded = bertline.load(toy_folder, "openvino_int8")
    for head in ("classifier", "answer_span"):
        inputs = loaded.spec.inputs.model_copy(update={"max_query_length": 8})
        spec = loaded.spec.model_copy(update={"task": "own", "head": head, "inputs": inputs})
        model = LoadedModel(spec, loaded.tokenizer, loaded.predictor)
        with pytest.raises(DataError, match=r"text 1 \(\(.*\) has no words; leave it out"):
            model.predict([item])


@pytest.mark.parametrize("latest", ["../3", "/3", "3/../3", "three", ""])
def test_latest_leads_nowhere_else(toy_folder: Path, tmp_path: Path, latest: str) -> None:
    for folder in ("3", "snips/3"):
        shutil.copytree(toy_folder, tmp_path / folder)
    (tmp_path / "snips/latest").write_text(latest)
    with pytest.raises(StorageError, match="snips/latest: .* is no version's number"):
        bertline.load(tmp_path / "snips")
    (tmp_path / "snips/latest").write_text("4\n")
    with pytest.raises(ConfigError, match="latest: names version 4, which is not there"):
        bertline.load(tmp_path / "snips")


def test_a_damaged_model_is_not_answered_with(toy_folder: Path, tmp_path: Path) -> None:
    with new_artifact(tmp_path / "model", "exported") as folder:
        shutil.copytree(toy_folder, folder, dirs_exist_ok=True)
    loaded = bertline.load(tmp_path / "model")
    file = tmp_path / "model/vocab.txt"
    file.write_text(file.read_text().replace("jazz", "folk"))
    with pytest.raises(DataError, match="model/vocab.txt: damaged"):
        bertline.load(tmp_path / "model")
    unverified = bertline.load(tmp_path / "model", verify=False)
    assert unverified.predict([TEXT]) != loaded.predict([TEXT])


def test_lines_of_both_forms_are_read(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    last = '{"text": "jazz", "id": null}'
    lines = ['{"text": "play", "id": "a", "intent": "x"}', '"räte"', "", last]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert list(read_items(file, KINDS["tagged_text"])) == [
        ("a", "play"),
        ("2", "räte"),
        ("4", "jazz"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b'{"text": ',
        b"[" * 100_000,
        b"1" * 5_000,
        b'{"text": "a", "text": "b"}',
        b"[1]",
        b"7",
        b'{"txt": "play"}',
        b'{"text": " "}',
        b'"\xff"',
        b"play",
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_bytes(json.dumps("play").encode() + b"\n" + line + b"\n")
    with pytest.raises(DataError, match=r"texts\.jsonl:2: expected"):
        list(read_items(file, KINDS["tagged_text"]))


def test_an_id_of_null_is_none_and_numbers_are_ids(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"text": "play", "id": null}\n{"text": "rate", "id": 7}\n')
    assert list(read_items(file, KINDS["tagged_text"])) == [("1", "play"), ("7", "rate")]


@pytest.mark.parametrize("id", ["{}", "[1]", "true", '""'])
def test_an_id_that_is_neither_text_nor_number_is_told(tmp_path: Path, id: str) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text(f'{{"text": "play", "id": {id}}}\n')
    with pytest.raises(DataError, match=r"texts\.jsonl:1: id .*; give a string or a number"):
        list(read_items(file, KINDS["tagged_text"]))


@pytest.mark.parametrize("item", [("", "Miles played."), ("Who?", " "), ("\n", "\t")])
def test_a_question_or_a_context_without_text_is_told(item: tuple[str, str]) -> None:
    with pytest.raises(DataError, match=r"text 3 \(.*\) has no words; leave it out"):
        KINDS["question"].check_item(item, 3)


def test_a_missing_file_of_texts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl: No such file"):
        list(read_items(tmp_path / "none.jsonl", KINDS["tagged_text"]))


def test_a_pipe_of_texts_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "texts")
    with pytest.raises(StorageError, match="texts: is a named pipe; give a file"):
        list(read_items(tmp_path / "texts", KINDS["labelled_text"]))
