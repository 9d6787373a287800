"""What proves to a host who asks: read anew for each request, since tokens expire; never told."""

import os
from pathlib import Path

from bertline.errors import ConfigError

VARIABLES = {"token": "BERTLINE_KFP_TOKEN", "cookie": "BERTLINE_KFP_COOKIE"}
"""Kind of `auth` → the variable that holds it; with _FILE behind it, the one that names a file."""
TOKEN_PATH_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105 - the name that kfp gives it
TOKEN_PATH = "/var/run/secrets/kubeflow/pipelines/token"  # noqa: S105 - where Kubeflow mounts it


def headers(auth: str) -> dict[str, str]:
    """The HTTP headers for a kind of `auth`, one of those that Kubeflow.auth takes.

    none: no header, for a port-forward. token: $BERTLINE_KFP_TOKEN as a bearer. cookie:
    $BERTLINE_KFP_COOKIE ("name=value"). service-account: the token that Kubernetes puts into the
    pod, at $KF_PIPELINES_SA_TOKEN_PATH where that is set. Raises ConfigError for one that is not
    there, or that no header can hold.
    """
    if auth == "none":
        return {}
    place, secret = _secret(auth)
    if not secret or not secret.isascii() or not secret.isprintable():
        raise ConfigError(f"{place}: empty, or no text for an HTTP header; give the bare value")
    return {"Cookie": secret} if auth == "cookie" else {"Authorization": f"Bearer {secret}"}


def origin(auth: str) -> str:
    """Where the proof of a kind of `auth` comes from, for messages."""
    if auth == "none":
        return "none was sent; give --set target.kubeflow.auth=token or cookie"
    return f"sent was that of {_place(auth)}; get a new one if it has expired"


def _secret(auth: str) -> tuple[str, str]:
    """The place that a secret was read from, and the secret."""
    place = _place(auth)
    variable = VARIABLES.get(auth)
    if variable and place == f"${variable}":
        return place, os.environ.get(variable, "").strip()
    try:
        return place, Path(place).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigError(f"{place}: {reason}; it should hold the {auth}'s value") from None


def _place(auth: str) -> str:
    if auth == "service-account":
        return os.environ.get(TOKEN_PATH_VARIABLE, TOKEN_PATH)
    variable = VARIABLES[auth]
    return os.environ.get(f"{variable}_FILE") or f"${variable}"
