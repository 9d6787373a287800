"""The one exception tree of bertline.

    BertlineError              exit code 1: something failed
    ├── StageError             a stage could not finish
    ├── ClusterError           Kubeflow could not do what it was asked, or was lost on the way
    └── UserError              exit code 2: something given to bertline is wrong
        ├── ConfigError        a recipe, a setting or an option
        ├── DataError          a dataset, an example, a features file
        ├── CheckpointError    an encoder or model: weights, config, vocabulary
        └── StorageError       a path or address that cannot be read or written

A message is one line: the problem, the value, and the remedy. What is raised for a
caller's mistake inside the library (a broken invariant) stays an `assert`.
"""

from bertline.addresses import without_secrets


class BertlineError(Exception):
    """A failure that the user sees as one line, which never shows passwords and tokens."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(without_secrets(message))


class StageError(BertlineError):
    """A stage could not finish for a reason that is not the user's."""


class ClusterError(BertlineError):
    """Kubeflow could not do what it was asked, or stopped answering on the way."""


class UserError(BertlineError):
    """Something given to bertline is wrong; the message says what and what to do."""

    exit_code = 2


class ConfigError(UserError):
    """A recipe, a setting or a command-line option is wrong."""


class DataError(UserError):
    """A dataset, an example or a features file is wrong."""


class CheckpointError(UserError):
    """An encoder or a model (weights, config, vocabulary) is wrong."""


class StorageError(UserError):
    """A path or address cannot be read or written."""


def one_line(message: object, limit: int = 200) -> str:
    """The words of somebody else's message in one printable line of at most `limit` characters."""
    printable = "".join(char if char.isprintable() else " " for char in str(message))
    line = " ".join(printable.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
