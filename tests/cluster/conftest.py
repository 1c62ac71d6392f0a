"""Ray on this machine, as small as it can be; tests that need it are left out without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
STORE = 100 * 2**20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = pytest.mark.skip(reason="Ray is not installed: see docs/cluster.md")
    for item in items:
        if item.get_closest_marker("ray") and find_spec("ray") is None:
            item.add_marker(absent)


@pytest.fixture(scope="session")
def importable() -> Iterator[None]:
    """Workers find this project's code, and that of its tests, where this process does."""
    before = os.environ.get("PYTHONPATH", "")
    paths = [str(PROJECT / "src"), str(PROJECT / "tests/support"), before]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    yield
    os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def one_machine(importable: None) -> Iterator[None]:
    """Ray on this machine, with two cores and no GPU."""
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=STORE)
    yield
    ray.shutdown()
