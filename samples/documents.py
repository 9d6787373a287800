"""Plain text without labels: reviews and paragraphs that are in none of the other samples."""

from pathlib import Path

from samples.articles import Author
from samples.reviews import Reviewer

FILE = Path("text") / "text.txt"
SEED = 20181011
COUNT = 200


def generate() -> list[list[str]]:
    """The sentences of each document, reviews and paragraphs in turn."""
    reviewer, author = Reviewer("train", f"{SEED}"), Author("train", f"{SEED}")
    documents: list[list[str]] = []
    while len(documents) < COUNT:
        documents.append(reviewer.review(is_positive=reviewer.happens(0.5)))
        documents.append(author.article()[1][0].sentences)
    return documents


def write(root: Path) -> None:
    """Writes one sentence a line, a blank line between documents, below `root`."""
    (root / FILE).parent.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join("\n".join(sentences) for sentences in generate())
    (root / FILE).write_text(text + "\n", encoding="utf-8")
