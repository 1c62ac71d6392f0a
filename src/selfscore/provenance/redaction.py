"""Takes out of a record what must not be handed on: credentials.

Knows where secrets are found: in the configuration's credentials, in the environment, in parameters
with a telling name, in URLs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

REDACTED = "<redacted>"

_NAMES = r"(password|passwd|passphrase|secret|token|credentials?|api_?key|access_?key|private_?key)"
# As the whole name or its end: `max_new_tokens` counts, and `api_key_env` names a variable.
_SECRET_NAME = re.compile(rf"(^|[_.\-]){_NAMES}$", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")
_QUERY_OF_URL = re.compile(r"(://[^\s?'\"]+\?)[^\s'\"]+")
# Shorter ones would be found in innocent words.
_SHORTEST = 6


class Redaction:
    """Replaces every secret that it knows of or can tell by its name.

    Args:
        credentials: the project's credentials; every text in them is a secret.
    """

    def __init__(self, credentials: Any = None) -> None:
        found = {
            text
            for text in (*_texts(credentials), *_secret_variables())
            if len(text) >= _SHORTEST and not text.isdigit()
        }
        # The longest first, for one may be part of another.
        self._secrets = sorted(found, key=len, reverse=True)

    def __call__(self, value: Any) -> Any:
        """A copy of the value, made of what JSON has, without secrets."""
        if isinstance(value, Mapping):
            return {
                str(key): REDACTED
                if _SECRET_NAME.search(str(key)) and isinstance(below, str)
                else self(below)
                for key, below in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self(below) for below in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self._text(str(value))

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, REDACTED)
        if "://" in text:
            text = _USER_IN_URL.sub(REDACTED, text)
            text = _QUERY_OF_URL.sub(rf"\1{REDACTED}", text)
        return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, (list, tuple)):
        for below in value:
            yield from _texts(below)
    elif isinstance(value, str):
        yield value


def _secret_variables() -> Iterator[str]:
    for name, value in os.environ.items():
        if _SECRET_NAME.search(name):
            yield value
