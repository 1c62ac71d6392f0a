"""Answers of a judge's server: what counts is the level that each explanation is given, or none."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.hostile.inputs import QUARANTINED, REFUSED, USED, Found, Input
from benchmarks.hostile.server import Reply, Script
from selfscore.judging.judge import without_score_words
from selfscore.judging.openai_judge import PROMPT

# Of the finished run.
_LEVELS = 6
_COMMAND = ("run", "--nodes=baseline.judge_explanations")
_JUDGEMENTS = "data/07_model_output/baseline/judgements.parquet"
_READINGS = "data/07_model_output/baseline/readings.parquet"
_GENERATIONS = "data/04_feature/baseline/generations.parquet"
# What is asked about a text, before it and, up to the first word that the run fills in, behind it.
_BEFORE, _, _REST = PROMPT.partition("{explanation}")
_BEHIND = _REST.partition("{")[0]


def level_of(text: str) -> int:
    """The level that the server gives a text, as it is asked about it."""
    return hashlib.sha256(text.encode()).digest()[0] % _LEVELS


def is_odd(text: str) -> bool:
    """Whether the text is one of the third that is answered oddly."""
    return hashlib.sha256(text.encode()).digest()[1] % 3 == 0


@dataclass(frozen=True)
class Judged:
    """Which levels the explanations must have.

    Attributes:
        unscored: tells of a text whether it must be left without one.
    """

    unscored: Callable[[str], bool]

    def compare(self, folder: Path, screen: str) -> Found:
        """Compare with the judgements, and with what was read in the texts with forced scores."""
        judgements = _newest(folder, _JUDGEMENTS)
        told = judgements[judgements["valid"].astype(bool) & judgements["sampled"]]
        readings = _newest(folder, _READINGS)
        forced = readings[readings["side"] != ""].drop(columns=["split", "level"])
        texts = _newest(folder, _GENERATIONS)[["image_id", "side", "explanation"]]
        columns = ["explanation", "inferred_level"]
        read = pd.concat([told[columns], forced.merge(texts, on=["image_id", "side"])[columns]])
        found, missing = [], 0
        for explanation, level in zip(read["explanation"], read["inferred_level"], strict=True):
            text = without_score_words(explanation)
            right = math.nan if self.unscored(text) else float(level_of(text))
            missing += math.isnan(right)
            if level != right and not (math.isnan(level) and math.isnan(right)):
                found.append(f"the level {level} instead of {right}")
        if not len(told):
            found.append("nothing was judged")
        return Found(QUARANTINED if missing else USED, found)


def _newest(folder: Path, table: str) -> pd.DataFrame:
    return pd.read_parquet(max((folder / table).iterdir()) / Path(table).name)


def _nothing(_folder: Path) -> None:
    """There is nothing to make."""


def _completion(content: Any, **more: Any) -> dict[str, Any]:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": content},
    }
    usage = {"prompt_tokens": 90, "completion_tokens": 8, "total_tokens": 98}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "judge",
            "choices": [choice], "usage": usage, **more}  # fmt: skip


def _json(value: Any) -> Reply:
    return Reply(json.dumps(value).encode())


def _right(prompt: str) -> Reply:
    return _json(_completion(json.dumps({"level": level_of(_asked(prompt))})))


def _asked(prompt: str) -> str:
    return prompt.removeprefix(_BEFORE).rpartition(_BEHIND)[0]


def _script(odd: Callable[[int], Reply], every: bool = False, **settings: Any) -> Script:
    """Answers oddly about a third of the texts, or all; `odd` is given the right level."""

    def answers(prompt: str, _before: int, _headers: Mapping[str, str]) -> Reply:
        text = _asked(prompt)
        return odd(level_of(text)) if every or is_odd(text) else _right(prompt)

    return Script(answers, settings)


def _fixed(reply: Reply) -> Callable[[int], Reply]:
    """The same reply, whatever is right."""
    return lambda level: reply


def _formed(form: Callable[[int], Any]) -> Callable[[int], Reply]:
    """The right level, in a form of its own."""
    return lambda level: _json(_completion(form(level)))


def _tried(
    kind: str,
    name: str,
    script: Script,
    allowed: tuple[str, ...],
    says: str = "",
    unscored: Callable[[str], bool] = lambda text: False,
    **options: Any,
) -> Input:
    return Input(
        name, kind, _nothing, _COMMAND, allowed, says, Judged(unscored),
        grounded=True, server=script, **options,
    )  # fmt: skip


def _never(_text: str) -> bool:
    return False


def _always(_text: str) -> bool:
    return True


_ODD_CONTENTS: Mapping[str, Any] = {
    "null": None,
    "empty": "",
    "a number": 3,
    "true": True,
    "an object": {"level": 3},
    "an empty list": [],
    "a list of texts": ['{"level": 3}'],
    "parts without text": [{"type": "image_url", "image_url": {"url": "x"}}],
    "a digit alone": "3",
    "a sentence": "I would say that the level is 3.",
    "a level that is a text": '{"level": "3"}',
    "a level with a fraction": '{"level": 3.0}',
    "a level between two": '{"level": 2.5}',
    "a level true": '{"level": true}',
    "a level null": '{"level": null}',
    "a level beyond the scale": f'{{"level": {_LEVELS}}}',
    "a level below": '{"level": -1}',
    "a level of 5,000 digits": f'{{"level": {"9" * 5000}}}',
    "a level NaN": '{"level": NaN}',
    "a level 1e999": '{"level": 1e999}',
    "a level in a list": '{"level": [3]}',
    "another name": '{"score": 3}',
    "a reason beside it": '{"level": 3, "because": "sharp"}',
    "a list": "[3]",
    "in a fence": '```json\n{"level": 3}\n```',
    "two objects": '{"level": 3}{"level": 4}',
    "cut off": '{"lev',
    "thoughts before it": '<think>hm</think>{"level": 3}',
    "nested too deeply": "[" * 50_000,
    "half of a pair": '{"level": "\ud800"}',
}


def contents() -> Iterator[Input]:
    """What the model writes: odd about a third of the texts, about all, and in other forms."""
    kind = "judge: what the model writes"
    for name, content in _ODD_CONTENTS.items():
        script = _script(_fixed(_json(_completion(content))))
        yield _tried(kind, name, script, (QUARANTINED,), "left unscored", is_odd)
    for name in ("null", "a sentence", "a level beyond the scale"):
        odd = _ODD_CONTENTS[name]
        script = _script(_fixed(_json(_completion(odd))), every=True)
        says = "unscored|of no use|no usable"
        yield _tried(kind, f"{name}, every time", script, (QUARANTINED, REFUSED), says, _always)
    for name, form in {
        "blanks around it": lambda level: f'  {{ "level" : {level} }}\n\n',
        "one part": lambda level: [{"type": "text", "text": f'{{"level": {level}}}'}],
        "two parts": lambda level: [
            {"type": "text", "text": '{"level": '}, {"type": "text", "text": f"{level}}}"}
        ],
        "thoughts in a part of their own": lambda level: [
            {"type": "reasoning", "text": "9"}, {"type": "text", "text": f'{{"level": {level}}}'}
        ],
        "escapes": lambda level: f'{{"\\u006cevel": {level}}}',
    }.items():  # fmt: skip
        script = _script(_formed(form), every=True)
        yield _tried(kind, name, script, (USED,))


def bodies() -> Iterator[Input]:
    """What the server sends around it: usage, choices, and bodies that are no completion."""
    kind = "judge: what the server sends"
    for name, usage in {
        "no usage": ...,
        "usage null": None,
        "usage empty": {},
        "usage of nulls": {"prompt_tokens": None, "completion_tokens": None},
        "usage in texts": {"prompt_tokens": "90", "completion_tokens": "8"},
        "usage below zero": {"prompt_tokens": -1, "completion_tokens": -1},
        "usage in a list": [90, 8],
        "usage a number": 98,
    }.items():

        def with_usage(level: int, usage: Any = usage) -> Reply:
            body = _completion(f'{{"level": {level}}}', usage=usage)
            if usage is ...:
                del body["usage"]
            return _json(body)

        yield _tried(kind, name, _script(with_usage, every=True), (USED,))
    message = {"role": "assistant"}
    odd_choices: Mapping[str, Any] = {
        "no choice": [],
        "choices null": None,
        "choices an object": {"0": {}},
        "a choice null": [None],
        "a choice that is a text": ["3"],
        "an empty choice": [{}],
        "message null": [{"message": None}],
        "a message that is a text": [{"message": '{"level": 3}'}],
        "a message without content": [{"message": message}],
        "a refusal": [{"message": {**message, "content": None, "refusal": "I cannot."}}],
        "a call of a tool": [{"message": {**message, "content": None, "tool_calls": [{}]}}],
        "an error in the choice": [{"error": {"message": "boom", "code": 502}}],
    }
    for name, choices in odd_choices.items():
        script = _script(_fixed(_json(_completion("", choices=choices))))
        yield _tried(kind, name, script, (QUARANTINED,), "unscored", is_odd)
    for name, body in {
        "an empty body": b"",
        "a web page": b"<html><body>Welcome to nginx!</body></html>",
        "half a body": json.dumps(_completion('{"level": 3}')).encode()[:60],
        "null": b"null",
        "a list": b"[]",
        "a text": b'"ok"',
        "a number": b"3",
        "bytes that are not UTF-8": b'{"choices": "\xff\xfe"}',
        "nested too deeply": b"[" * 100_000,
        "an error under 200": b'{"error": {"message": "out of credit", "code": 402}}',
        "an error that is a text": b'{"error": "model is loading"}',
        "a stream": b'data: {"choices": []}\n\ndata: [DONE]\n\n',
    }.items():
        script = _script(_fixed(Reply(body)))
        yield _tried(kind, name, script, (QUARANTINED,), "unscored", is_odd)
        script = _script(_fixed(Reply(body)), every=True)
        yield _tried(kind, f"{name}, every time", script, (REFUSED,), "of no use")
    cut = _completion("thinking about it, ")
    cut["choices"][0]["finish_reason"] = "length"
    script = _script(_fixed(_json(cut)))
    yield _tried(
        kind, "cut off at max_tokens", script, (QUARANTINED,), "raise `max_tokens`", is_odd
    )

    def padded(level: int) -> Reply:
        return Reply(b" " * 2**20 + json.dumps(_completion(f'{{"level": {level}}}')).encode())

    yield _tried(kind, "a megabyte of blanks first", _script(padded, every=True), (USED,))


_NOT_NOW = b'{"error": {"message": "no, not now"}}'


def _at_first(reply: Reply) -> Script:
    """The first answer about every text is this one, the second is right."""
    return Script(lambda prompt, before, _: _right(prompt) if before else reply)


def statuses() -> Iterator[Input]:
    """Statuses of HTTP: about a third of the texts, at first, and always."""
    kind = "judge: statuses"
    for status in (400, 402, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529):
        reply = Reply(_NOT_NOW, status, {"Retry-After": "0.01"})
        script = _script(_fixed(reply), max_retries=0)
        says = "unscored.*not now"
        yield _tried(kind, f"{status} for a third", script, (QUARANTINED,), says, is_odd)
    for status in (408, 429, 500, 503):
        reply = Reply(_NOT_NOW, status, {"Retry-After": "0.01"})
        yield _tried(kind, f"{status} at first", _at_first(reply), (USED,))
    for status in (401, 403, 404):
        reply = Reply(_NOT_NOW, status)
        script = _script(_fixed(reply), every=True)
        yield _tried(kind, f"{status} always", script, (REFUSED,), f"of no use: status {status}")
    for value in ("soon", "-5", "", "0", "nan", "Thu, 26 Nov 2020 00:00:00 GMT"):
        reply = Reply(_NOT_NOW, 429, {"Retry-After": value})
        yield _tried(kind, f"Retry-After {value!r}", _at_first(reply), (USED,))


_ADDRESSES = (
    "http://127.0.0.1:9/v1",
    "http://nowhere.invalid/v1",
    "http://a b/v1",
    "http://a..b/v1",
    "ftp://x/v1",
    "127.0.0.1:9",
    "http://",
    "not an address",
    "",
    "http://[::1/v1",
    "http://127.0.0.1:99999/v1",
)


def connections() -> Iterator[Input]:
    """Connections that break, and servers that are not there."""
    kind = "judge: connections"
    whole = json.dumps(_completion('{"level": 3}')).encode()
    settings: dict[str, Any] = {"max_retries": 0, "timeout": 1.0}
    for name, reply in {
        "hangs up": Reply(b"", hangs_up=True),
        "sends less than it announces": Reply(whole[:50], length=len(whole)),
        "announces gzip and sends none": Reply(whole, headers={"Content-Encoding": "gzip"}),
        "is slow": Reply(whole, wait=30),
        "sends in a circle": Reply(b"", 307, {"Location": "/v1/chat/completions"}),
    }.items():
        script = _script(_fixed(reply), **settings)
        yield _tried(kind, f"{name}, for a third", script, (QUARANTINED,), "unscored", is_odd)
        script = _script(_fixed(reply), every=True, **settings)
        yield _tried(kind, f"{name}, always", script, (REFUSED,), "of no use")
    for address in _ADDRESSES:
        script = _script(_unasked, base_url=address, max_retries=0, timeout=3.0)
        yield _tried(kind, f"base_url {address!r}", script, (REFUSED,), "base_url")


def _unasked(_level: int) -> Reply:
    return Reply(b"{}")


def keys() -> Iterator[Input]:
    """Keys as people set them; none may be shown, whatever the server does with it."""
    kind = "judge: keys"
    name = "SELFSCORE_TRIAL_KEY"
    settings: dict[str, Any] = {"api_key_env": name, "max_retries": 0}
    for what, key in {
        "a line break inside": "sk-abc123\nsk-def456",
        "a carriage return inside": "sk-abc123\rsk-def456",
        "a zero-width space": "sk-abc123\u200bdef456",
        "typographic quotes": "\u201csk-abc123def456\u201d",
        "an accent": "sk-abc123-é-def456",
        "an escape inside": "sk-abc123\x1b[31mdef456",
        "a tab inside": "sk-abc123\tdef456",
    }.items():
        script = _script(_unasked, every=True, **settings)
        hidden = ("abc123", "def456")
        yield _tried(
            kind, what, script, (REFUSED,), f"{name}.*set it again",
            variables={name: key}, hidden=hidden,
        )  # fmt: skip
    for what, variables in {
        "is not set": {},
        "is empty": {name: ""},
        "is blanks": {name: "  \n"},
    }.items():
        script = _script(_unasked, every=True, **settings)
        yield _tried(kind, what, script, (REFUSED,), f"key.*{name}", variables=variables)
    good = "sk-abc123def456ghi789"
    for what, key in {"blanks around it": f"  {good}\n", "as it should be": good}.items():

        def checked(prompt: str, _before: int, headers: Mapping[str, str]) -> Reply:
            sent = headers.get("Authorization") == f"Bearer {good}"
            return _right(prompt) if sent else Reply(b"{}", 401)

        script = Script(checked, settings)
        yield _tried(kind, what, script, (USED,), variables={name: key}, hidden=(good,))
    for status in (200, 400, 401, 404, 429, 500):

        def repeated(_prompt: str, _before: int, headers: Any, status: int = status) -> Reply:
            told = {"error": {"message": f"who is {headers.get('Authorization')}?", "code": 400}}
            return Reply(
                json.dumps(told).encode(), status, {"X-Key": str(headers.get("Authorization"))}
            )

        script = Script(repeated, settings)
        yield _tried(
            kind, f"is repeated with {status}", script, (REFUSED,), "of no use",
            variables={name: good}, hidden=(good,),
        )  # fmt: skip


FAMILIES = (contents, bodies, statuses, connections, keys)
