"""Addresses as people may see them: in messages, logs and manifests."""

import re

_USER = re.compile(r"(?<=://)[^\s/?#]*@")
_QUERY = re.compile(r"(?<=://)([^\s?#]*)[?#]\S*?(?=[:;,.'\")\]]*(?:\s|$))")
_VALUE = re.compile(
    r"(?i)\b([\w-]*(?:signature|sig|token|password|secret|credential))=[^\s&;,'\")]+"
)


def without_secrets(text: str) -> str:
    """`text`, in whose addresses user, password, query and fragment are replaced by "…".

    Signatures of signed addresses and tokens are in the query; where such stand elsewhere as
    "token=VALUE", the value is replaced.
    """
    return _VALUE.sub(r"\1=…", _QUERY.sub(r"\1?…", _USER.sub("…@", text)))
