"""An error of a run in one sentence, where it is one that its user can put right.

What this project raises itself says what is wrong and what to do, and needs no traceback; neither
do data that is not there or cannot be read, and what the system refuses. Everything else is a fault
of a program, and is shown as a whole.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from kedro.framework.project import pipelines
from kedro.io import DatasetError
from kedro.io.core import VersionNotFoundError

from selfscore.running.own_errors import is_our_own
from selfscore.running.storage_faults import explain

# Characters; libraries describe a dataset in thousands.
_LONGEST = 900


def in_words(error: BaseException) -> str | None:
    """What is wrong and what to do about it, in one line; None for a fault of a program."""
    if (fault := explain(error)) is not None:
        return fault
    causes = list(_causes(error))
    # The outermost of ours knows most of what was going on.
    own = next((one for one in causes if is_our_own(one)), None)
    if own is not None:
        return _one_line(str(own))
    if not isinstance(error, DatasetError):
        return None
    # Kedro puts the name before what it could not load.
    named = re.match(r"([\w.]+): ", str(error))
    if named is None:
        return _one_line(str(error))
    if isinstance(causes[-1], VersionNotFoundError | FileNotFoundError) and _is_made(named[1]):
        return (
            f"'{named[1]}' is not there yet: no run has made it. The same command with "
            f"--to-outputs={named[1]} in place of what it names of the pipeline makes it, and what "
            "it is made of."
        )
    return f"'{named[1]}' cannot be read: {_one_line(str(causes[-1]))}"


def _is_made(dataset: str) -> bool:
    """Whether a run of the whole makes it."""
    return any(dataset in node.outputs for node in pipelines["__default__"].nodes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from, down to where it began."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _one_line(text: str) -> str:
    return textwrap.shorten(text, _LONGEST)
