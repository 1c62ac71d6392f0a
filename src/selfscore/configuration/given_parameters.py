"""What `--params` says, as parameters.

As in Kedro, `key=value` with commas between. Unlike there, a comma in brackets or quotation marks
is part of the value, and a text stays as it was written: 007 is no 7, and no is not False.
"""

from __future__ import annotations

import json
import re
from typing import Any

import click

_QUOTED = r"""'(?:[^']|'')*'|"[^"]*\""""
_LIST = rf"\[(?:{_QUOTED}|[^'\"\]])*\]"
_MAPPING = rf"{{(?:{_QUOTED}|[^'\"}}])*}}"
# `key=value`, up to a comma that is not in the value's quotation marks or brackets.
_ITEM = re.compile(rf"((?:[^,=]*=\s*(?:{_QUOTED}|{_LIST}|{_MAPPING}))?[^,]*)(?:,|$)")
# What is no text: numbers as JSON has them, truth values, null, lists, mappings; and what is in
# quotation marks already.
_VALUE = re.compile(
    r"""-?(0|[1-9]\d*)?(\.\d+)?(?<=\d)(e[+-]?\d+)?|true|false|null|\[.*\]|\{.*\}|".*"|'.*'""",
    re.IGNORECASE | re.DOTALL,
)
# Parameters that are names and places, and remain what was written, whatever it looks like; null
# is none where there need not be one.
_TEXTS = re.compile(r"ingestion\.columns\.(image|score)|images\.(folder|scores)|scoring\.images")
_TEXTS_OR_NULL = re.compile(r"ingestion\.(columns\.(split|group|spread)|unit)|model\.(id|revision)")


def read_params(context: click.Context, _option: click.Parameter, value: Any) -> dict[str, Any]:
    """Callback of the option `--params`.

    Args:
        context: of the command.
        value: its text; or a mapping, as `kedro run --config` has it.
    """
    from omegaconf import OmegaConf

    if isinstance(value, dict):
        return value
    items = [item.strip() for item in _ITEM.findall(value) if item.strip()]
    for before, item in zip(["", *items], items, strict=False):
        if not re.match(r"[^=\s]+\s*=", item):
            context.fail(f"In --params, '{item}' is no `key=value`.{_belongs(before, item)}")
    parts = [(key.strip(), text.strip()) for key, _, text in map(_parted, items)]
    given = [f"{key}={_written(key, text)}" for key, text in parts]
    parameters: dict[str, Any] = OmegaConf.to_container(  # type: ignore[assignment]
        OmegaConf.from_dotlist(given)
    )
    return parameters


def write_value(value: Any) -> str:
    """A value as `read_params` takes it, between double quotation marks of a shell."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_exact, value))}]"
    odd = not isinstance(value, str) or _VALUE.fullmatch(value) or value != value.strip()
    return _exact(value) if odd or "," in value or value[:1] in ("'", '"', "[", "{") else value


def _exact(value: Any) -> str:
    """A value as YAML: a text in quotation marks."""
    if not isinstance(value, str):
        return json.dumps(value)
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def _parted(item: str) -> tuple[str, str, str]:
    return item.partition("=")


def _belongs(before: str, item: str) -> str:
    key, _, text = _parted(before)
    if not key:
        return ""
    both = write_value(f"{text.strip()},{item}")
    return f" If it belongs to {key.strip()}, write quotation marks: {key.strip()}={both}"


def _written(key: str, text: str) -> str:
    """A value as YAML that is read as it is meant."""
    marked = text[-1:] in ("'", '"', "]", "}")
    is_text = _TEXTS.fullmatch(key) or (_TEXTS_OR_NULL.fullmatch(key) and text != "null")
    return text if _VALUE.fullmatch(text) and (marked or not is_text) else _exact(text)
