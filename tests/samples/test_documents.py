from samples import documents, reviews
from samples.articles import generate


def test_documents_are_of_several_sentences_and_in_no_other_sample() -> None:
    made = documents.generate()
    assert len(made) == documents.COUNT
    assert all(len(sentences) >= 4 for sentences in made)
    assert not any("\n" in sentence or not sentence.strip() for each in made for sentence in each)
    texts = {text.replace("<br /><br />", " ") for _, text in reviews.generate()}
    texts |= {p.context for of_split in generate().values() for a in of_split.values() for p in a}
    assert not texts & {" ".join(sentences) for sentences in made}
