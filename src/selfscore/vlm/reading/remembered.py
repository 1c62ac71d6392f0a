"""What was found out about a processor once and is asked for with every batch.

Knows nothing of tokens and templates.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from transformers import ProcessorMixin

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Values by key, of every processor; they go with it.

    Args:
        most: how many values of a processor are kept; all are forgotten when there are more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: WeakKeyDictionary[ProcessorMixin, dict[Key, Value]] = WeakKeyDictionary()

    def of(self, processor: ProcessorMixin, key: Key, find: Callable[[], Value]) -> Value:
        """The value of a key; `find` finds it where it is not known."""
        known = self._known.setdefault(processor, {})
        try:
            return known[key]
        except KeyError:
            value = find()
        # Not read back: nodes beside this one may have cleared it.
        if len(known) >= self._most:
            known.clear()
        known[key] = value
        return value
