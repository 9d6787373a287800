"""JSON of files that others wrote, read without trust."""

import json
from typing import Any

from bertline.errors import DataError


def parse_json(content: str | bytes, where: str, remedy: str = "correct the file") -> Any:
    """The value that `content` spells.

    Raises DataError, in one line that names `where` and ends with `remedy`, for what is not JSON,
    is not UTF-8, gives a key of an object twice, is nested too deeply for Python, or has an integer
    of more digits than Python converts.
    """
    try:
        return json.loads(content, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        problem = f"malformed JSON at line {error.lineno}, column {error.colno}: {error.msg}"
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 (byte {error.start})"
    except RecursionError:
        problem = "JSON that is nested too deeply"
    except _RepeatedKey as error:
        problem = f"the key {str(error)!r:.60} is there twice in one JSON object"
    except ValueError:
        problem = "JSON with an integer of too many digits"
    raise DataError(f"{where}: {problem}; {remedy}")


class _RepeatedKey(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKey(next(key for key in keys if keys.count(key) > 1))
    return value
