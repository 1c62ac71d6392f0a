"""Keys and passwords that are read from the environment.

A key with a line break or a letter that is no ASCII cannot be sent, and what fails then prints it
in forms of its own. So it is looked at when it is read, and never printed.
"""

from __future__ import annotations

import os


def read_key(name: str) -> str | None:
    """Value of an environment variable that holds a key, without space around it.

    Returns:
        The key; None if the variable is not set, or is empty.

    Raises:
        ValueError: it cannot be a key.
    """
    key = os.environ.get(name, "").strip()
    wrong = fault_of(key)
    if wrong is not None:
        raise ValueError(f"The key in the environment variable {name} {wrong}: set it again.")
    return key or None


def fault_of(key: str) -> str | None:
    """What a text has that no key has, in words; None if nothing."""
    if len(key.splitlines()) > 1:
        return "has a line break"
    if not key.isascii():
        return "has a character that is no ASCII"
    if not all(one.isprintable() for one in key):
        return "has a character that cannot be printed"
    return None
