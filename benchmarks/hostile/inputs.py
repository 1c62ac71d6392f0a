"""What is tried: an input says beforehand what may come of it, and what the right result is.

Knows neither how commands are run nor any single input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

REFUSED, QUARANTINED, USED = "refused", "quarantined", "used"
CRASHED, SILENTLY_WRONG = "crashed", "silently wrong"
OUTCOMES = (USED, QUARANTINED, REFUSED, CRASHED, SILENTLY_WRONG)


@dataclass(frozen=True)
class Found:
    """What a command that ended well has left behind.

    Attributes:
        outcome: `USED`, or `QUARANTINED` where a part was left out and is listed.
        differences: from the right result, in words; empty where there are none.
    """

    outcome: str
    differences: list[str]


class Expected(Protocol):
    """The right result of a command."""

    def compare(self, folder: Path, screen: str) -> Found:
        """Compare it with what is there.

        Args:
            folder: of the input.
            screen: what the command printed.
        """


@dataclass(frozen=True)
class Nothing:
    """A result that is no file: what is on the screen tells all."""

    def compare(self, folder: Path, screen: str) -> Found:
        """Nothing to look at."""
        return Found(USED, [])


@dataclass(frozen=True)
class Input:
    """Something that a stranger may hand over.

    Attributes:
        name: what it is, in words; the only one of its kind with that name.
        kind: such as "tables: encodings".
        make: writes it below a folder.
        command: arguments of `kedro`; `{folder}` is the input's folder.
        allowed: outcomes, of `OUTCOMES`, that are right.
        says: regular expression for the sentence, or the warnings, on the screen.
        expected: the right result where it is not refused.
        parameters: of the configuration, as YAML has them.
        lines: the most that a refusal may have.
        code: exit code of a command that has left a result.
        files: of the configuration's environment, by name, as they are written.
        grounded: whether it needs the finished run that is made beforehand.
        server: gives the answers of a judge's server, where one is asked; see `server.Script`.
        variables: of the environment.
        hidden: texts that must be nowhere: not on the screen, in no file that the command writes.
    """

    name: str
    kind: str
    make: Callable[[Path], None]
    command: tuple[str, ...]
    allowed: tuple[str, ...]
    says: str = ""
    expected: Expected = field(default_factory=Nothing)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lines: int = 5
    code: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    grounded: bool = False
    server: Any = None
    variables: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


Family = Callable[[], Iterator[Input]]
