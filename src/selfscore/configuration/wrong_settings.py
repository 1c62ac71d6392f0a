"""What is wrong with a section of the parameters, in words that name the place and the remedy.

Knows settings classes and Pydantic's errors; knows no section.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

KeyPath = tuple[str | int, ...]

# What Pydantic calls an error → what the value must be; {} takes from its context.
_WORDS = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a section",
    "mapping_type": "must be a section",
    "dataclass_type": "must be a section",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "too_long": "must have at most {max_length} values",
    "too_short": "must have at least {min_length} values",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong in one place.

    Attributes:
        place: keys from the top of the parameters to what is wrong.
        text: what is wrong there, and what to do; follows the place in a sentence.
    """

    place: KeyPath
    text: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.place))} {self.text}"


def problems(kind: Any, value: Any, place: KeyPath = ()) -> list[Problem]:
    """Everything that is wrong with a value of the parameters.

    Args:
        kind: a settings class, or any type that Pydantic knows.
        value: as it stands in the configuration.
        place: where it stands.
    """
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return list(_problems(kind, error, place))
    return []


def unknown(name: str, known: Iterable[str], inside: KeyPath = ()) -> Problem:
    """A key that does not exist, with the nearest that does, or all of them."""
    names = [str(each) for each in known]
    nearest = get_close_matches(str(name), names, n=1, cutoff=0.6)
    remedy = f"did you mean {nearest[0]}?" if nearest else f"there is {', '.join(names)}."
    return Problem((*inside, name), f"does not exist: {remedy}")


def keys_of(kind: Any) -> list[str]:
    """What the parameters call the settings of a class."""
    return list(_fields(kind))


def _problems(kind: Any, error: ValidationError, place: KeyPath) -> Iterator[Problem]:
    """One for each wrong value, also where it may be of several types and is of none."""
    choices: dict[KeyPath, list[dict[str, Any]]] = {}
    details: list[dict[str, Any]] = [dict(each) for each in error.errors()]
    for found in details:
        where = _choice(kind, found["loc"])
        if where is None:
            yield _problem(kind, found, place)
        else:
            choices.setdefault(where, []).append(found)
    for where, several in choices.items():
        words = [
            _WORDS.get(one["type"], "must be right").format(**one.get("ctx", {})) for one in several
        ]
        must = " or ".join(word.removeprefix("must ") for word in dict.fromkeys(words))
        yield Problem((*place, *where), f"must {must}, not {several[0]['input']!r}.")


def _choice(kind: Any, where: KeyPath) -> KeyPath | None:
    """The place in which a value of one of several types is expected; None if it is in no such."""
    for number, key in enumerate(where):
        if len([each for each in get_args(kind) if each is not type(None)]) > 1 and get_origin(
            kind
        ) in (Union, UnionType):
            return where[:number]
        kind = _fields(_plain(kind)).get(str(key))
    return None


def _problem(kind: Any, error: dict[str, Any], place: KeyPath) -> Problem:
    where, what, context = error["loc"], error["type"], error.get("ctx", {})
    inner: KeyPath = tuple(key for key in where if key != "[key]")
    given = error["input"]
    if what in ("unexpected_keyword_argument", "extra_forbidden"):
        return unknown(str(inner[-1]), keys_of(_at(kind, inner[:-1])), (*place, *inner[:-1]))
    if what == "missing":
        text = "is missing." if isinstance(inner[-1], str) else "is missing: the list is too short."
    elif what == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        nearest = get_close_matches(str(given), choices, n=1, cutoff=0.6)
        asked = f" (did you mean {nearest[0]}?)" if nearest else ""
        text = f"must be {_one_of(choices)}, not {given!r}{asked}."
    elif what == "value_error":
        text = f"is wrong: {context['error']}."
    elif what in _WORDS:
        shown = f", not {given!r}" if not isinstance(given, Mapping) else ""
        text = f"{_WORDS[what].format(**context)}{shown}."
    else:
        text = f"is wrong: {error['msg']}, not {given!r}."
    return Problem((*place, *inner), text)


def _one_of(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _at(kind: Any, where: KeyPath) -> Any:
    """The type of what stands in a place of a settings class."""
    for key in where:
        kind = _fields(_plain(kind)).get(str(key))
    return _plain(kind)


def _fields(kind: Any) -> dict[str, Any]:
    """Name in the parameters → type, of a settings class."""
    fields = getattr(kind, "__pydantic_fields__", {})
    hints = get_type_hints(kind) if fields else {}
    return {field.alias or name: hints[name] for name, field in fields.items()}


def _plain(kind: Any) -> Any:
    """A type without annotations and without None."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _plain(next(each for each in get_args(kind) if each is not type(None)))
    return kind
