"""Running a model: one class a runtime, one interface (`Predictor`), opened by name."""

from bertline.evaluation.predictors.base import TOKEN_OUTPUTS, Batch, Logits, Predictor, warm
from bertline.evaluation.predictors.open import is_installed, open_predictor, predictor_names

__all__ = [
    "TOKEN_OUTPUTS",
    "Batch",
    "Logits",
    "Predictor",
    "is_installed",
    "open_predictor",
    "predictor_names",
    "warm",
]
