"""What Cloud Storage and its client raise → one line that tells a user what to do.

The client's own messages hold the addresses of upload sessions, and who knows one may write there.
So nothing is repeated but what the server says, or the system's error underneath.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from bertline.errors import StorageError, one_line

LOGIN = "run `gcloud auth application-default login`, or on a cluster check the service account"
REMEDIES = {
    401: f"the credentials are not valid or have expired ({{}}); {LOGIN}",
    403: "no permission ({}); have the bucket's owner grant it (roles/storage.objectUser)",
    404: "not found ({}); check the address",
}
"""HTTP status → the message, with a place for what the server says."""


@contextlib.contextmanager
def told(url: str) -> Iterator[None]:
    """Tells what the client raises in the block as a StorageError about `url`."""
    try:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
        from google.cloud.storage.exceptions import DataCorruption
        from requests.exceptions import RequestException
    except ImportError as error:
        raise StorageError(
            f"{url}: needs the package {error.name}; pip install 'bertline[pipeline]'"
        ) from None
    try:
        yield
    except DataCorruption:
        raise StorageError(f"{url}: came damaged (CRC-32C differs); try again") from None
    except DefaultCredentialsError as error:
        raise StorageError(f"{url}: no credentials ({_first_line(error)}); {LOGIN}") from None
    except GoogleAuthError as error:
        raise StorageError(f"{url}: {REMEDIES[401].format(_first_line(error))}") from None
    except GoogleAPIError as error:
        raise StorageError(f"{url}: {_problem(error)}") from None
    except RequestException as error:
        raise StorageError(
            f"{url}: what answers is no Cloud Storage ({_first_line(error)}); check the network"
        ) from None


def _problem(error: Any) -> str:
    from google.api_core.exceptions import RetryError

    if isinstance(error, RetryError):
        return f"no answer ({_reason(error.cause)}); check the address and try again later"
    remedy = REMEDIES.get(error.code, "refused ({}); check the address and try again later")
    return remedy.format(_reason(error))


def _reason(error: Any) -> str:
    """What the server says, or what was wrong with the connection."""
    response = getattr(error, "response", None)
    if response is not None:
        return (
            f"HTTP {response.status_code} {_server_message(response) or one_line(response.reason)}"
        )
    while error.__context__:
        error = error.__context__
    return _first_line(error)


def _server_message(response: Any) -> str:
    """The message in the JSON of a refusal; empty where there is none."""
    try:
        return one_line(response.json()["error"]["message"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _first_line(error: BaseException) -> str:
    """The error's own words, without what it carries besides."""
    words = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return one_line((words.splitlines() or [""])[0]) or type(error).__name__
