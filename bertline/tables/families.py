"""The table of families of encoders."""

FAMILIES = {"bert": "bertline.modeling.families.bert.family"}
"""Name, which is Hugging Face's model_type → the module whose FAMILY describes it."""
DEFAULT_FAMILY = "bert"
"""The family of what does not name one: files of early versions, checkpoints without a model_type,
graphs of unknown origin."""
