"""The import of Keras and TensorFlow without packages that they try and bertline has no use for.

Keras imports scikit-learn and matplotlib's pyplot where they are installed, for wrappers and
plots of its own, and TensorFlow imports JAX, to convert its models: a third of the whole import.
"""

import importlib
import os
import sys

UNUSED = ("matplotlib", "sklearn")


def import_keras() -> None:
    """Imports Keras with its backend; to be called before a module that imports it at its top.

    Packages that are left out can be imported afterwards. Does nothing once Keras is imported.
    """
    if "keras" in sys.modules:
        return
    # Unset, the backend may be JAX by the user's keras.json.
    is_tensorflow = os.environ.get("KERAS_BACKEND") == "tensorflow"
    unused = (*UNUSED, "jax") if is_tensorflow else UNUSED
    left_out = [name for name in unused if name not in sys.modules]
    # None makes an import raise ImportError, as if the package were not installed.
    sys.modules.update(dict.fromkeys(left_out))  # type: ignore[arg-type]
    try:
        importlib.import_module("keras")
    finally:
        for name in left_out:
            del sys.modules[name]
