"""An error of a worker, on its way to the process that asked for the work.

Ray hands errors on inside errors of its own, without what they were raised from. Knows errors;
knows no work.
"""

from __future__ import annotations

import traceback
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NoReturn

from selfscore.running.own_errors import is_our_own


@dataclass(frozen=True)
class Failure:
    """What is left of an error once it leaves its process.

    Attributes:
        kind: its class.
        arguments: it was made with.
        state: its attributes.
        ours: whether this project raised it, see `is_our_own`.
        trace: where it was raised, as text.
    """

    kind: type[Exception]
    arguments: tuple[Any, ...]
    state: dict[str, Any]
    ours: bool
    trace: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Take an error that was just caught."""
        trace = "".join(traceback.format_exception(error))
        return cls(type(error), error.args, dict(vars(error)), is_our_own(error), trace)

    def reraise(self) -> NoReturn:
        """Raise the error here.

        Where it is one of this project's own, it is that here, too; else its traceback in the
        worker is a note of it.
        """
        # Not by calling the class, which would put its words around the finished message.
        error = self.kind.__new__(self.kind, *self.arguments)
        vars(error).update(self.state)
        if self.ours:
            raise error
        error.add_note(f"In a worker of Ray:\n{self.trace}")
        foreign: Future[NoReturn] = Future()
        foreign.set_exception(error)
        foreign.result()
