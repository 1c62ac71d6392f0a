"""Takes out of a record what must not be handed on: credentials.

Knows where secrets are found: in the configuration's credentials, in the environment, below telling
names, in addresses; and in which forms a library may print one that is known.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

REDACTED = "<redacted>"

# The last word of a name that tells: `apiToken`, `hf_token`, `AWS_SECRET_ACCESS_KEY`. Not among
# them: `max_new_tokens`, which counts, and `api_key_env`, which names a variable.
_TELLING = (
    r"(password|passwd|passphrase|passcode|pwd|secret|token|credential|auth|authorization|bearer"
    r"|cookie|key|apikey|accesskey|privatekey|authtoken|accesstoken)"
)
_TELLING_NAME = re.compile(rf"(?:^|[_.\-\s]){_TELLING}s?$", re.IGNORECASE)
_COUNTS = re.compile(r"(tokens|keys)$", re.IGNORECASE)
_CASE_CHANGES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_USER_IN_URL = re.compile(r"(?<=://)(?:[^\s/]*|[^\s/@:]+:\S*)(?=@)")
_QUERY_OF_URL = re.compile(r"(://[^\s?'\"]+\?)[^\s'\"]+")
# `me:password@host`, where no protocol stands before it.
_PASSWORD_OF_USER = re.compile(r"(?<![\w/])([\w.+\-]+):(?!//)[^\s@/'\"<>]+(?=@[\w.\-]+)")
# `password=…`, `"apiToken": "…"`, `Authorization: Bearer …` within a text.
_ASSIGNED = re.compile(
    r"(?P<name>[\w.\-]+)(?P<sign>\\?[\"']?\s*[=:]\s*)"
    r"(?P<value>(?:bearer|basic)\s+\S+|\\?\"[^\"]*\"|\\?'[^']*'|[^\s,;&)}\]\"'<>]+)",
    re.IGNORECASE,
)
# What stands before a colon in a sentence, too.
_WORDS = ("key", "keys", "token", "tokens", "auth", "secret", "credentials", "cookie", "bearer")
# Shorter ones would be found in innocent words.
_SHORTEST = 6


class Redaction:
    """Replaces every secret that it knows of or can tell by its name.

    Args:
        credentials: the project's credentials; every text and number in them is a secret.
    """

    def __init__(self, credentials: Any = None) -> None:
        found = {
            form
            for secret in (*_leaves(credentials), *_secret_variables())
            for part in _parts(secret)
            if len(part) >= _SHORTEST
            for form in _forms(part)
        }
        # The longest first, for one may be part of another.
        forms = sorted(found, key=lambda form: (-len(form), form))
        self._secrets = re.compile("|".join(map(_found_in_text, forms))) if forms else None

    def __call__(self, value: Any) -> Any:
        """A copy of the value, made of what JSON has, without secrets."""
        if isinstance(value, Mapping):
            return {
                self._text(str(key)): REDACTED if _is_secret(str(key), below) else self(below)
                for key, below in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self(below) for below in value]
        if value is None or isinstance(value, bool):
            return value
        text = self._text(str(value))
        return value if isinstance(value, (int, float)) and text == str(value) else text

    def _text(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(REDACTED, text)
        if "://" in text:
            text = _USER_IN_URL.sub(REDACTED, text)
            text = _QUERY_OF_URL.sub(rf"\1{REDACTED}", text)
        if "@" in text:
            text = _PASSWORD_OF_USER.sub(rf"\1:{REDACTED}", text)
        if "=" in text or ":" in text:
            text = _ASSIGNED.sub(_without_value, text)
        return text


def is_telling(name: str) -> bool:
    """Whether a name says that what it names is a secret."""
    return _TELLING_NAME.search(_CASE_CHANGES.sub("_", name)) is not None


def _is_secret(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool) or value in ("", [], {}) or not is_telling(name):
        return False
    return not (isinstance(value, (int, float)) and _COUNTS.search(name))


def _without_value(found: re.Match[str]) -> str:
    name, sign = found["name"], found["sign"]
    in_a_sentence = ":" in sign and name.lower() in _WORDS and '"' not in sign and "'" not in sign
    if in_a_sentence or _COUNTS.search(name) or not is_telling(name):
        return found[0]
    return f"{name}{sign}{REDACTED}"


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for below in value.values():
            yield from _leaves(below)
    elif isinstance(value, (list, tuple)):
        for below in value:
            yield from _leaves(below)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)


def _secret_variables() -> Iterator[str]:
    for name, value in os.environ.items():
        if is_telling(name):
            yield value
        elif "://" in value:
            try:
                password = urlsplit(value).password
            except ValueError:
                continue
            if password:
                yield from {password, unquote(password)}


def _parts(secret: str) -> Iterator[str]:
    """A secret, and one with breaks in it line by line and joined, as a message prints it."""
    lines = [line.strip() for line in secret.splitlines() if line.strip()]
    yield from {secret, secret.strip(), *lines, "".join(lines), " ".join(lines)}


def _forms(text: str) -> Iterator[str]:
    """A text as libraries print it: escaped (once, or within a text that is escaped), quoted."""
    encodings: tuple[Callable[[str], str], ...] = (
        lambda one: json.dumps(one)[1:-1],
        lambda one: json.dumps(one, ensure_ascii=False)[1:-1],
        lambda one: repr(one)[1:-1],
        lambda one: repr(one.encode("utf-8", "surrogateescape"))[2:-1],
        lambda one: html.escape(one),
        lambda one: quote(one, safe="", errors="replace"),
        lambda one: quote(one, errors="replace"),
        lambda one: quote_plus(one, errors="replace"),
    )
    once = {text, *(encode(text) for encode in encodings)}
    twice = {json.dumps(one)[1:-1] for one in once} | {repr(one)[1:-1] for one in once}
    small = {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), one) for one in once}
    yield from once | twice | small


def _found_in_text(form: str) -> str:
    """Pattern for a form; one of digits alone is found where it stands alone."""
    pattern = re.escape(form)
    return rf"(?<![\w.]){pattern}(?!\w|\.\d)" if form.isdigit() else pattern
