"""What to do when the system will not store or read a file.

Knows the system's errors; does not know what was to be stored.
"""

from __future__ import annotations

import errno
import os
import re
import textwrap
from collections.abc import Iterator

_FULL = "Make room there, or set `storage` in conf/local/globals.yml to folders on another disk."
_RIGHTS = "Give the user that runs this the right to read and write there (chmod, chown)."
_REMEDIES = {
    errno.ENOSPC: ("The disk is full", _FULL),
    errno.EDQUOT: ("Your share of the disk is used up", _FULL),
    errno.EFBIG: ("A file may not be that large", "Raise the limit of the system (`ulimit -f`)."),
    errno.EROFS: (
        "The disk can only be read",
        "Have it mounted for writing, or set `storage` in conf/local/globals.yml to folders on "
        "another disk.",
    ),
    errno.EACCES: ("Permission denied", _RIGHTS),
    errno.EPERM: ("Permission denied", _RIGHTS),
}
# Packages in which what clients of object stores raise is defined; none of them need be there.
_CLIENTS = {"adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google"}
_AWAY = (
    "See that it runs, that the network is there, and that its address and your keys for it are "
    "right (docs/team.md)."
)
# Characters of a client's words.
_LONGEST = 300


def explain(error: BaseException) -> str | None:
    """The fault behind an error, with the file and the remedy; None if it is none of storage."""
    for cause in _causes(error):
        if type(cause).__module__.partition(".")[0] in _CLIENTS:
            return f"The store cannot be used: {textwrap.shorten(str(cause), _LONGEST)}. {_AWAY}"
        number = _number(cause)
        if number in _REMEDIES:
            what, remedy = _REMEDIES[number]
            file = getattr(cause, "filename", None) or _file_in(str(error))
            where = f"'{file}'" if file else str(cause)
            return f"{what}: {where}. {remedy}"
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _number(cause: BaseException) -> int | None:
    if isinstance(cause, OSError):
        return cause.errno
    # Libraries that are not written in Python pass the system's words on.
    return next((number for number in _REMEDIES if os.strerror(number) in str(cause)), None)


def _file_in(text: str) -> str | None:
    """The place in the words with which Kedro names a dataset."""
    found = re.search(r"filepath=(?:PurePosixPath\()?'?([^',)]+)", text)
    return found.group(1) if found else None
