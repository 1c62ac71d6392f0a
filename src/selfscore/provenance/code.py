"""Which of the project's code a node runs, and whether it is still the same.

A node's code is the module of its function and every module of the project's packages that can be
reached from there by imports, also by those inside functions. Each module is hashed as Python reads
it, without comments, docstrings and layout, so only what can change a result makes it another
(`source_text.py`); files and folders beside it that it names (a template) are hashed with it.

This errs to one side: a module counts as a whole, although a node may use one function of it. What
it cannot see is code outside these packages (its versions are in the manifest), the classes that
store datasets, and what the `__init__.py` of a parent package does when it is imported.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kedro.pipeline.node import Node

from selfscore.provenance.source_text import read_code, sha256_code

PACKAGES = ("selfscore", "selfscore_demo")
_SOURCES = Path(__file__).parents[2]
_FILE_NAME = re.compile(r"\w[\w.\-]*(/[\w.\-]+)*")


def function_name(node: Node) -> str:
    """Module and name of the node's function, and what is bound to its arguments.

    `selfscore.pipelines.merging.nodes.merge_experts`, `….build_pairs(expert='scoring')`.
    """
    function: Any = node.func
    bound: list[str] = []
    while isinstance(function, functools.partial):
        bound += [*map(repr, function.args), *(f"{k}={v!r}" for k, v in function.keywords.items())]
        function = function.func
    name = f"{function.__module__}.{function.__qualname__}"
    return f"{name}({', '.join(bound)})" if bound else name


def modules_of(node: Node) -> list[str]:
    """The modules that the node's code is in, sorted.

    A function from outside the project's packages counts with its own module alone.
    """
    home = inspect.unwrap(_function(node)).__module__
    if not _is_ours(home):
        return [home]
    found: set[str] = set()
    waiting = [home]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            path = _source(module)
            waiting += _read(module, path).imports if path is not None else ()
    return sorted(found)


def sha256_module(name: str) -> str:
    """sha256 of a module's code, without comments, docstrings and layout; "" if it is gone."""
    path = _source(name)
    if path is None:
        return ""
    module = _read(name, path)
    digest = hashlib.sha256(module.sha256.encode())
    for place in module.beside:
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(file.relative_to(path.parent).as_posix().encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


class _Module(NamedTuple):
    """What stands in a module.

    Attributes:
        sha256: of its code alone.
        beside: what is no code of the files and folders that it names.
        imports: the project's modules that it imports.
    """

    sha256: str
    beside: tuple[Path, ...]
    imports: tuple[str, ...]


def _read(name: str, path: Path) -> _Module:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return _read_once(path, path.stat().st_mtime_ns, package)


@functools.cache
def _read_once(path: Path, _written: int, package: str) -> _Module:
    tree = read_code(path.read_text(encoding="utf-8"))
    texts = {
        part.value
        for part in ast.walk(tree)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    named = (path.parent / text for text in sorted(texts) if _FILE_NAME.fullmatch(text))
    beside = [
        place
        for place in named
        if place.suffix != ".py" and place.exists() and not (place / "__init__.py").exists()
    ]
    imports = _import_statements(tree, package)
    return _Module(sha256_code(tree), tuple(beside), tuple(imports))


def _function(node: Node) -> Callable[..., Any]:
    function: Any = node.func
    while isinstance(function, functools.partial):
        function = function.func
    return function  # type: ignore[no-any-return]


def _source(module: str) -> Path | None:
    if not _is_ours(module):
        file = getattr(sys.modules.get(module), "__file__", None)
        return Path(file) if file else None
    place = _SOURCES.joinpath(*module.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _import_statements(tree: ast.AST, package: str) -> Iterator[str]:
    # No statement stands below an expression.
    below = (part for part in ast.iter_child_nodes(tree) if not isinstance(part, ast.expr))
    for part in below:
        if isinstance(part, ast.If) and "TYPE_CHECKING" in ast.dump(part.test):
            for line in part.orelse:
                yield from _import_statements(line, package)
        elif isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names if _is_ours(alias.name))
        elif isinstance(part, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - part.level + 1]
            base = ".".join([*parents, part.module or ""]).strip(".") if part.level else part.module
            if base is not None and _is_ours(base):
                for alias in part.names:
                    # What is imported may be a module of its own, else it is a name in `base`.
                    module = f"{base}.{alias.name}"
                    yield module if _source(module) is not None else base
        else:
            yield from _import_statements(part, package)


def _is_ours(module: str) -> bool:
    return module.split(".")[0] in PACKAGES
