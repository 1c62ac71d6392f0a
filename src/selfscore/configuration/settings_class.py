"""What makes a class of a section of the parameters: `@settings_class`.

A node argument with such a class is built by Kedro before the first node runs. Knows classes and
values; knows no section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, dataclass_transform, get_args, get_origin
from typing import get_type_hints as hints_of

from pydantic import ConfigDict, Field, Strict, TypeAdapter
from pydantic.dataclasses import dataclass

T = TypeVar("T")

Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]

_CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False, validate_by_name=True)


@dataclass_transform(frozen_default=True)
def settings_class(cls: type[T]) -> type[T]:
    """A frozen dataclass that takes exactly its fields, and values of exactly their types.

    "5" is no number, 1 is not true, and a number is finite; but a section may be given as a
    mapping, a tuple as a list, and a number with a fraction as a whole one. Types of fields are
    imported at run time. A field has a default only where one outside a project needs it: that of
    the project stands in conf/base.

    Raises:
        pydantic.ValidationError: when made from anything else; it is a ValueError.
    """
    hints = hints_of(cls, include_extras=True)
    own = getattr(cls, "__annotations__", {})
    cls.__annotations__ = {name: _strict(hints[name]) for name in own}
    made: Any = dataclass(cls, frozen=True, config=_CONFIG)
    return made


def as_parameters(value: Any) -> Any:
    """Parameters as they stand in the configuration: settings as the sections they are made from.

    Args:
        value: settings, a mapping with settings anywhere in it, or a parameter alone.
    """
    if is_dataclass(value):
        return TypeAdapter(type(value)).dump_python(value, by_alias=True)
    if isinstance(value, Mapping):
        return {name: as_parameters(below) for name, below in value.items()}
    return value


def _strict(hint: Any) -> Any:
    """`hint`, with no conversion to a number, a text or a truth value anywhere in it.

    Not `ConfigDict(strict=True)`: that also takes no mapping for a section.
    """
    if hint in (int, float, str, bool):
        return Annotated[hint, Strict()]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return Annotated[(_strict(arguments[0]), *arguments[1:])]
    if origin in (Union, UnionType):
        return Union[tuple(map(_strict, arguments))]  # noqa: UP007
    if origin in (list, tuple, dict, Mapping):
        return origin[tuple(map(_strict, arguments))]
    return hint
