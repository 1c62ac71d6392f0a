"""The lineage as a web site: what kedro-viz says while it is built, and what a browser shows."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, MISSING, opened

from docs.lineage_site import served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(
    project: Path, copy_conf: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The project as someone has it who has run next to nothing: a broken record."""
    place = tmp_path_factory.mktemp("clone")
    copy_conf(place)
    shutil.copy(project / "pyproject.toml", place)
    (place / "src").mkdir()
    (place / "data").mkdir()
    (place / "data" / "01_raw").symlink_to(project / "data" / "01_raw")
    file = place / "data/08_reporting/champion.json/2020-01-01T00.00.00.000Z/champion.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    return place


@pytest.fixture(scope="module")
def built(project: Path, clone: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "docs" / "lineage_site.py")]
    return subprocess.run(command, cwd=clone, check=True, text=True, capture_output=True)


@pytest.fixture(scope="module")
def browser(built: object) -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="pip install -e '.[dev]' brings playwright")
    if CHROMIUM is None:
        pytest.skip(MISSING)
    with opened() as browser:
        yield browser


@pytest.fixture
def page(browser: Any, clone: Path) -> Iterator[tuple[Any, str]]:
    """A page, the site's address, and at the end no complaint and no request to elsewhere."""
    with served(clone / "build") as address:
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: said.type in ("error", "warning") and complaints.append(said.text),
        )
        page.on(
            "request",
            lambda asked: (
                asked.url.startswith((address, "data:", "blob:")) or complaints.append(asked.url)
            ),
        )
        yield page, address
        page.close()
    assert not complaints


def test_kedro_viz_warns_of_what_is_broken_and_of_nothing_else(
    built: subprocess.CompletedProcess[str],
) -> None:
    said = built.stdout + built.stderr
    assert "Success" in said
    warnings = re.findall(r".*(?:WARNING|ERROR|Warning:).*", said)
    assert len(warnings) == 1 and "'champion' could not be previewed" in warnings[0], said


def test_it_opens_with_folded_groups_that_can_be_read(page: tuple[Any, str]) -> None:
    tab, address = page
    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.goto(address)
    tab.wait_for_selector(".pipeline-node--modularPipeline")
    groups = tab.locator(".pipeline-node--modularPipeline").all_text_contents()
    assert sorted(groups) == ["baseline", "ingestion", "iteration_1", "iteration_2", "reporting"]
    assert tab.locator(".pipeline-node--data").count() <= 31
    assert tab.locator(".pipeline-layer").count() == 0
    tab.wait_for_timeout(2000)  # until the graph has its size
    shown = tab.locator(".pipeline-zoom-toolbar, .pipeline-minimap-toolbar__scale").last
    # How wide labels are, and so how much fits, depends on the machine's fonts: 34 % and more.
    assert int(shown.inner_text().strip("%")) >= 33


def test_a_dataset_shows_what_is_in_it(page: tuple[Any, str]) -> None:
    tab, address = page
    tab.goto(f"{address}?pid=iteration&sn=severities")
    tab.get_by_text("Expand preview").click()
    tab.wait_for_selector("table tbody tr")
