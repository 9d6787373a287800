"""The table of kinds: how examples of each become records, and logits of records answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bertline.errors import DataError
from bertline.features import labelled_text, spans, tagged_answers, tagged_text, windows
from bertline.features.answers import Answer, Item, Logits, Meanings
from bertline.features.batches import FeatureSet, Record
from bertline.features.spec import InputSpec
from bertline.features.tokenizer import Tokenizer

Labels = Mapping[str, list[str]]


@dataclass(frozen=True)
class Kind:
    """How one kind of examples is handled.

    fields: of an item in JSON, of which the first `min_fields` are needed. labels: the classes of
    the model's outputs, from the labels of the examples artifact. item: what an example asks.
    encode_items: records of items; those of one item follow one another and have its number for
    id. encode_examples: the same with labels and the examples' ids. decode: an answer for each
    item, given the records' features and logits, row by row.
    """

    fields: tuple[str, ...]
    min_fields: int
    labels: Callable[[Labels], dict[str, list[str]]]
    item: Callable[[Any], Item]
    encode_items: Callable[[Tokenizer, Sequence[Item], InputSpec], list[Record]]
    encode_examples: Callable[[Tokenizer, Sequence[Any], Labels, InputSpec], list[Record]]
    decode: Callable[[Sequence[Item], FeatureSet, Sequence[Logits], Meanings], Sequence[Answer]]

    def encode_unlabelled(
        self, tokenizer: Tokenizer, examples: Sequence[Any], inputs: InputSpec
    ) -> list[Record]:
        """As encode_examples, without labels: they need not be those of a model."""
        records = self.encode_items(tokenizer, [self.item(each) for each in examples], inputs)
        return [Record(examples[int(record.id)].id, record.columns) for record in records]

    def parse_item(self, value: Mapping[str, Any], place: str) -> Item:
        """The item of a JSON object; raises DataError naming `place` and the fields."""
        values = [value[name] for name in self.fields if value.get(name) is not None]
        needed = [value.get(name) for name in self.fields[: self.min_fields]]
        if not all(isinstance(text, str) and text.strip() for text in [*needed, *values]):
            form = ", ".join(f'"{name}": "…"' for name in self.fields[: self.min_fields])
            raise DataError(f"{place}: expected {{{form}}}, got {dict(value)!r:.80}")
        return values[0] if len(values) == 1 else (values[0], values[1])

    def check_item(self, item: object, number: int) -> None:
        """Raises DataError, naming the item's number, for what is no item of this kind.

        An item, a question, a context or either text of a pair is a string with visible characters.
        """
        texts = item if isinstance(item, tuple) else (item,)
        if not all(isinstance(text, str) for text in texts):
            raise DataError(f"text {number} is {type(item).__name__} {item!r:.40}; give strings")
        if not self.min_fields <= len(texts) <= len(self.fields):
            raise DataError(f"text {number} ({item!r:.40}): give ({', '.join(self.fields)})")
        if not all(text.strip() for text in texts):
            raise DataError(f"text {number} ({item!r:.40}) has no words; leave it out")


KINDS = {
    "tagged_text": Kind(
        fields=("text",),
        min_fields=1,
        labels=lambda labels: {
            "intents": labels["intents"],
            "tags": tagged_text.tag_labels(labels["slots"]),
        },
        item=lambda example: str(example.text),
        encode_items=lambda tokenizer, items, inputs: tagged_text.encode_tagged_texts(
            tokenizer, [str(item) for item in items], inputs.max_seq_length
        ),
        encode_examples=lambda tokenizer, examples, labels, inputs: (
            tagged_text.encode_tagged_examples(tokenizer, examples, labels, inputs.max_seq_length)
        ),
        decode=tagged_answers.decode_tagged_texts,
    ),
    "labelled_text": Kind(
        fields=("text", "second_text"),
        min_fields=1,
        labels=lambda labels: {"classes": labels["classes"]},
        item=labelled_text.item_of,
        encode_items=labelled_text.encode_texts,
        encode_examples=labelled_text.encode_labelled_texts,
        decode=labelled_text.decode_labelled_texts,
    ),
    "question": Kind(
        fields=("question", "context"),
        min_fields=2,
        labels=lambda labels: {},
        item=lambda example: (example.question, example.context),
        encode_items=lambda tokenizer, items, inputs: windows.encode_questions(
            tokenizer, [(item[0], item[1]) for item in items], *inputs.windows
        ),
        encode_examples=lambda tokenizer, examples, labels, inputs: (
            windows.encode_question_examples(tokenizer, examples, *inputs.windows)
        ),
        decode=spans.decode_questions,
    ),
}
