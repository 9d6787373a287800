"""What can be had without a neural network."""

from collections.abc import Sequence


def bag_of_words(
    train_texts: Sequence[str], train_labels: Sequence[str], test_texts: Sequence[str]
) -> list[str]:
    """A label for each test text, by logistic regression over counts of words."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    if len(set(train_labels)) == 1:
        return [train_labels[0]] * len(test_texts)
    classifier = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=1000))
    found: list[str] = classifier.fit(train_texts, train_labels).predict(test_texts).tolist()
    return found
