"""A fingerprint of code that a team can share, whatever Python each of them has."""

from __future__ import annotations

import gc
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from selfscore.provenance import source_text
from selfscore.provenance.source_text import read_code, sha256_code

SOURCE = Path(__file__).with_name("code_to_read.txt")
# Whoever changes the fingerprint raises the manifest's FORMAT with it.
SHA256 = "61e2e699a3ea8787d94e9805f5f9a7e06c1e1787a402b7bc2ca440b3cd2fae85"

ASK = """
import runpy, sys
from pathlib import Path
module = runpy.run_path(sys.argv[1])
for path in sys.argv[2:]:
    print(module["sha256_code"](module["read_code"](Path(path).read_text("utf-8"))))
"""


def sha256(source: str) -> str:
    return sha256_code(read_code(source))


def test_the_fingerprint_is_the_stored_one() -> None:
    assert sha256(SOURCE.read_text("utf-8")) == SHA256


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_another_python_computes_the_same(version: str) -> None:
    interpreter = find_interpreter(version)
    if interpreter is None:
        pytest.skip(f"there is no Python {version} on this machine (PATH, ~/.pyenv, uv)")
    sources = [SOURCE, *sorted(Path(source_text.__file__).parent.glob("*.py"))]
    done = subprocess.run(
        [interpreter, "-I", "-c", ASK, source_text.__file__, *sources],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [sha256(path.read_text("utf-8")) for path in sources]


def find_interpreter(version: str) -> str | None:
    homes = (Path.home() / ".pyenv/versions", Path.home() / ".local/share/uv/python")
    found = [str(path) for home in homes for path in home.glob(f"*{version}.*/bin/python3")]
    for name in (shutil.which(f"python{version}"), *found):
        # What a version manager puts on the path may be a name without a Python behind it.
        asked = name and subprocess.run(
            [name, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
        )
        if asked and asked.stdout.strip() == version:
            return name
    return None


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ("# said otherwise\ndef f(x):\n    return g(x, 'a b')\n", True),
        ('"""Module."""\n\n\ndef f(x):\n    """What it does."""\n    return (g(x, "a b"))\n', True),
        ("def f(\n    x,\n):\n    return g(\n        x,\n        'a ' 'b',\n    )  # why\n", True),
        ("def f(x): return g(x, 'a  b')\n", False),
        ("def f(x):\n    return g(x, b'a b')\n", False),
        ("def f(x, y=0):\n    return g(x, 'a b')\n", False),
        ("def f(x):\n    return g((x, 'a b'))\n", False),
        ("async def f(x):\n    return g(x, 'a b')\n", False),
        ("def f(x):\n    g(x, 'a b')\n", False),
        ("def f(x):\n    return g(x, a)\n", False),
    ],
)
def test_only_comments_docstrings_and_layout_do_not_count(changed: str, same: bool) -> None:
    before = 'def f(x):\n    """Old words."""\n    return g(x, "a b")\n'
    assert (sha256(changed) == sha256(before)) is same


def test_no_two_codes_are_written_alike() -> None:
    codes = [
        *("x", "'x'", "b'x'", "None", "'None'", "True", "1", "1.0", "1j", "...", "-1", "not 1"),
        *("x[1]", "x[1,]", "(1,)", "()", "[]", "{}", "{**x}", "{x: x}", "{x}", "x.x"),
        *("f()", "f(x)", "f(*x)", "f(**x)", "f(x=x)", "f((x, x))", "f(x, x)", "f([x, x])"),
        *("f'{x}'", "f'{x!r}'", "f'{x:x}'", "f'{x:{x}}'", "f'x{x}'", "f'{x}x'", "f'{{x}}'"),
    ]
    assert len({sha256(f"y = {code}") for code in codes}) == len(codes)


@pytest.fixture
def others_come_between() -> Iterator[None]:
    """Whatever makes objects is interrupted, and another thread goes on."""
    before = gc.get_threshold()

    def interrupt(*_: object) -> None:
        time.sleep(1e-4)

    gc.callbacks.append(interrupt)
    gc.set_threshold(50)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(interrupt)


def test_threads_read_code_at_once(others_come_between: None) -> None:
    """Python 3.11 refuses what two threads parse at once."""
    source = SOURCE.read_text(encoding="utf-8")
    with ThreadPoolExecutor(4) as threads:
        trees = list(threads.map(read_code, [source] * 8))
    assert {sha256_code(tree) for tree in trees} == {SHA256}
