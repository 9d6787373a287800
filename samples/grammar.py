"""Writes all sample data again from its grammars: the same bytes every time.

python -m samples.grammar
"""

from pathlib import Path

from samples import articles, documents, pairs, reviews, utterances


def write(root: Path) -> None:
    """Writes the files of every dataset below `root`."""
    for dataset in (utterances, reviews, pairs, articles, documents):
        dataset.write(root)


if __name__ == "__main__":
    write(Path(__file__).parent)
