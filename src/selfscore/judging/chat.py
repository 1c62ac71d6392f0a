"""One answer of a server that speaks OpenAI's chat completions, however odd it is.

Servers differ in what they send: an error under status 200, no usage, a content that is no text.
What is meant by it is read here, from the bytes. Knows JSON and statuses; knows no level and no
explanation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openai import DefaultHttpxClient

# Of an error that names itself and has no status of its own: worth another try, or not.
_PASSING = ("rate", "overload", "unavailable", "timeout", "server_error", "internal")
_TRY_AGAIN, _IN_VAIN = 503, 400


class NoVerdictError(ValueError):
    """The endpoint answered with something that is no chat completion."""


@dataclass(frozen=True)
class Answer:
    """What a model said.

    Attributes:
        text: what it wrote, "" where that is no text.
        cut_off: whether it was stopped at the most tokens that it may write.
        prompt_tokens: read, None where the server does not tell.
        completion_tokens: written, thoughts among them; None where the server does not tell.
    """

    text: str
    cut_off: bool
    prompt_tokens: int | None
    completion_tokens: int | None


def http_client() -> DefaultHttpxClient:
    """An HTTP client that gives an error under status 200 the status that it speaks of.

    `openai`'s client then does with it what it does with any: it tries again after those that pass,
    and raises an error of the right kind, with the server's words, after the others.
    """
    from openai import DefaultHttpxClient

    def correct(response: Any) -> None:
        response.read()
        if response.status_code == 200 and (status := _status_meant(_parsed(response.text))):
            response.status_code = status

    return DefaultHttpxClient(event_hooks={"response": [correct]})


def read_answer(body: str) -> Answer:
    """Read the body of a chat completion.

    Raises:
        NoVerdictError: it is none.
    """
    completion = _mapping(_parsed(body))
    choices = completion.get("choices")
    if not isinstance(choices, list) or not choices:
        raise NoVerdictError(f"the answer is no chat completion: {words(body)}")
    choice, usage = _mapping(choices[0]), _mapping(completion.get("usage"))
    return Answer(
        text=_text(_mapping(choice.get("message")).get("content")),
        cut_off=choice.get("finish_reason") == "length",
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def words(body: str) -> str:
    """What a server says of an error: its message, else the whole body."""
    whole = _mapping(_parsed(body))
    for told in (_error_in(whole), whole):
        for text in (told, *(_mapping(told).get(name) for name in ("message", "detail"))):
            if isinstance(text, str) and text:
                return text
    return repr(body)


def _parsed(body: str) -> Any:
    """The JSON of a body, None where it is none: a number too long or nested too deep is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _status_meant(body: Any) -> int | None:
    """The HTTP status of the error in a body; None where there is no error."""
    error = _error_in(_mapping(body))
    if not error:
        return None
    told = [_mapping(error).get(name) for name in ("code", "status", "type")]
    for value in told:
        number = int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0
        if 400 <= number <= 599:
            return number
    named = " ".join(str(value).lower() for value in told)
    return _TRY_AGAIN if any(word in named for word in _PASSING) else _IN_VAIN


def _error_in(body: Mapping[str, Any]) -> Any:
    """The error of a body, or of its first choice."""
    choices = body.get("choices")
    first = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
    return body.get("error") or first.get("error")


def _text(content: Any) -> str:
    """A content that is a text, or a list of parts of which some are."""
    if isinstance(content, list):
        parts = [_mapping(part) for part in content]
        texts = [part.get("text") for part in parts if part.get("type") == "text"]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
