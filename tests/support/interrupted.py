"""Work that is stopped half-way and begun again."""

from collections.abc import Callable
from typing import TypeVar

import pytest

Result = TypeVar("Result")


class Killed(BaseException):
    """Stands for the end of a process."""


class Parts(dict[str, bytes]):
    """Parts of work whose process ends when it stores one more than `room`."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def __setitem__(self, name: str, part: bytes) -> None:
        if len(self) == self._room:
            raise Killed
        super().__setitem__(name, part)


def killed_and_begun_again(
    work: Callable[[dict[str, bytes]], Result],
    stored: int,
    between: Callable[[], object] = lambda: None,
) -> Result:
    """The result of work that was killed after `stored` parts and did only the others again.

    Args:
        work: is given what is done so far.
        stored: parts before it is killed.
        between: called before the work is begun again.
    """
    done = Parts(stored)
    with pytest.raises(Killed):
        work(done)
    before = dict(done)
    assert len(before) == stored
    between()
    after = dict(before)
    result = work(after)
    assert before.items() < after.items(), "what is stored stays, and the rest comes to it"
    return result
