"""What of a module's source can change a result: the same digest under every Python.

The source is taken as Python reads it, so comments, docstrings and layout (line breaks, quotes,
brackets that change nothing) do not count. `ast.dump` and `ast.unparse` write the same code in
another way in each version of Python; what is written here are only the names of the grammar, the
fields that are filled, and values. This file needs nothing but the standard library.
"""

from __future__ import annotations

import ast
import hashlib
import threading
from collections.abc import Iterator
from typing import Any

# What follows from where a name stands, and the `u` before a text.
_SAY_NOTHING = ("ctx", "kind")
# Python 3.11 counts how deep it is in a tree for all threads at once, and ends where that is wrong
# (https://github.com/python/cpython/issues/106905).
_PARSING = threading.Lock()


def read_code(source: str) -> ast.Module:
    """The tree of a module without docstrings.

    Raises:
        SyntaxError: it is no Python.
    """
    with _PARSING:
        tree = ast.parse(source)
    for part in ast.walk(tree):
        if isinstance(part, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            part.body = [line for line in part.body if not _is_text(line)] or [ast.Pass()]
    return tree


def sha256_code(tree: ast.AST) -> str:
    """sha256 of a tree."""
    words: list[str] = []
    _write(tree, words)
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


def _write(part: Any, words: list[str]) -> None:
    """Add the words of a part to those before it."""
    if isinstance(part, list):
        words.append("[")
        for below in part:
            _write(below, words)
        words.append("]")
    elif isinstance(part, ast.AST):
        words.append(f"{type(part).__name__}(")
        for name, below in ast.iter_fields(part):
            if isinstance(part, ast.JoinedStr):
                below = list(_joined(below))
            # Later versions have fields for new syntax, which are empty without it.
            if below is not None and below != [] and name not in _SAY_NOTHING:
                words.append(name)
                _write(below, words)
        words.append(")")
    else:
        # Not `repr`: which characters can be printed depends on the version's Unicode.
        words.append(ascii(part))


def _joined(values: list[ast.expr]) -> Iterator[ast.expr | str]:
    """Parts of an f-string; versions cut what stands between the brackets in their own ways."""
    text = ""
    for value in values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        if text:
            yield text
        text = ""
        yield value
    if text:
        yield text


def _is_text(line: ast.stmt) -> bool:
    """A docstring, or another text that stands alone and so does nothing."""
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )
