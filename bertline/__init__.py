"""bertline: BERT encoders and labelled text in, small checked models out."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bertline.evaluation.inference import load as load

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """`bertline.load`, imported at first use so that `import bertline` stays light."""
    if name == "load":
        from bertline.evaluation.inference import load

        return load
    raise AttributeError(f"module 'bertline' has no attribute {name!r}")
