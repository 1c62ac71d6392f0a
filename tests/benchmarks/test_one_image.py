import pytest

from benchmarks.performance.one_image import BATCHES, imports, loaded
from benchmarks.performance.page import _one_image
from benchmarks.performance.shapes import DEMO_MODEL, SHAPES

# As the interpreter writes it: what was imported stands before what asked for it.
TOLD = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |     sympy
import time:      2000 |       2100 |   torch
import time:       300 |        300 |     torch.nn
import time:       500 |        800 |   transformers
import time:        50 |         50 |     pandas
import time:        10 |       2960 | selfscore
import time:         7 |          7 | json
another line of the program
"""


def test_an_import_belongs_to_the_library_that_asked_for_it() -> None:
    assert imports(TOLD) == pytest.approx(
        {"torch": 0.0021, "transformers": 0.0008, "pandas": 0.00005, "others": 0.000017}
    )


def test_a_scorer_takes_longer_than_the_forward_pass_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BATCHES, "demo", ((2,), 2))
    found = loaded(SHAPES["demo"], DEMO_MODEL)
    assert 0 < found["2"]["forward"] < 10 * found["2"]["scorer"]
    machine = {"processor": "a processor", "date": "today", "commit": "abc"}
    command = {"seconds": 8.0, "imports": imports(TOLD)}
    record = {"machine": machine, "command": command, "loaded": {"demo": found}}
    page = "\n".join(_one_image(record))
    assert "takes **8.0 s** of the processor" in page and "| torch | 0.00 |" in page
    assert page.count(" × |") == 1
