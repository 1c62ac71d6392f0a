"""The web page in a real browser: headless Chromium, where the machine has one."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, MISSING, opened

from selfscore.scoring import ScoredImage, Scorer
from selfscore.scoring.results import Origin
from selfscore.scoring.web import UploadLimits, create_app

pytest.importorskip(
    "playwright.sync_api", reason="the browser is driven by playwright: pip install -e '.[dev]'"
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
DROP = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
  document.getElementById("drop").dispatchEvent(new DragEvent("dragover", options));
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", options));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(demo_scorer: Scorer, served: Any) -> Iterator[str]:
    limits = UploadLimits(max_bytes=200_000)
    with served(create_app(demo_scorer, limits=limits)) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(params=[(390, "light"), (1440, "dark")], ids=["phone, light", "desktop, dark"])
def page(request: Any, browser: Any, address: str) -> Iterator[Any]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda failed: complaints.append(failed.url))
    # From the start, because the driver does not wait until the browser hands choosers over.
    tab.on("filechooser", lambda chooser: None)
    tab.goto(address)
    tab.wait_for_selector("#policy:has-text('policy_0')")
    yield tab
    assert not complaints
    assert tab.evaluate("document.documentElement.scrollWidth") <= width, "it must fit"
    context.close()


@pytest.fixture
def photograph(project: Path) -> Path:
    return project / "data/01_raw/demo_images/images/cat_01.jpg"


def test_an_upload_shows_score_distribution_and_explanation(
    page: Any, demo_scorer: Scorer, photograph: Path
) -> None:
    page.set_input_files("#file", photograph)
    page.wait_for_selector("#result:visible")
    result = demo_scorer.score([photograph])[0]
    assert page.inner_text("#expected") == f"{result.score:.2f}"
    assert page.inner_text("#range") == "scores can be 0.00 to 90.00"
    assert result.explanation
    assert page.inner_text("#explanation") == result.explanation
    assert "points 0-90" in page.inner_text("#scale")
    assert "policy_0" in page.inner_text("#policy")
    rows = [row.split() for row in page.locator("#levels tr").all_inner_texts()]
    assert [row[0] for row in rows] == [str(level) for level in range(9, -1, -1)]
    assert result.probabilities is not None
    for row, share in zip(rows, reversed(result.probabilities), strict=True):
        assert float(row[2]) == pytest.approx(100 * share, abs=0.1)
    likeliest = page.inner_text("#levels tr.likeliest th")
    assert likeliest == str(result.level)
    assert page.get_attribute("#preview", "alt") == "The image to score: cat_01.jpg"
    assert page.evaluate("document.getElementById('preview').naturalWidth") > 0
    assert "Scored" in page.inner_text("[role=status]")


def test_an_image_can_be_dropped(page: Any, photograph: Path) -> None:
    import base64

    data = base64.b64encode(photograph.read_bytes()).decode()
    page.evaluate(DROP, ["dropped.jpg", "image/jpeg", data])
    page.wait_for_selector("#result:visible")
    assert page.inner_text("#name") == "dropped.jpg"


def test_several_images_are_all_scored_listed_and_saved(
    page: Any, demo_scorer: Scorer, photograph: Path, tmp_path: Path
) -> None:
    photos = [photograph, photograph.with_name("astronaut_01.jpg")]
    (tmp_path / "broken, 1.png").write_bytes(photograph.read_bytes()[:900])
    page.set_input_files("#file", [*photos, tmp_path / "broken, 1.png"])
    page.wait_for_selector("#rows tr:nth-child(3) td.number:has-text('–')")
    results = demo_scorer.score(photos)
    shown = {f"{result.score:.2f}" for result in results}
    numbers = "#rows td.number"
    assert set(page.locator(numbers).all_inner_texts()) == {*shown, "–"}
    assert page.inner_text("#expected") == f"{results[0].score:.2f}", "the first one is shown"
    page.click("[data-sort=score]")
    best_first = sorted(shown, key=float, reverse=True)
    assert page.locator(numbers).all_inner_texts() == [*best_first, "–"]
    page.click("#rows button:has-text('astronaut_01.jpg')")
    assert page.inner_text("#expected") == f"{results[1].score:.2f}"
    page.click("#rows button:has-text('broken, 1.png')")
    assert "damaged or cut off" in page.inner_text("[role=alert]")
    with page.expect_download() as download:
        page.click("#download")
    with open(download.value.path(), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["cat_01.jpg", "astronaut_01.jpg", "broken, 1.png"]
    for row, result in zip(rows, results, strict=False):
        assert float(row["score"]) == pytest.approx(result.score)
        assert row["explanation"] == result.explanation
        assert result.probabilities is not None
        assert float(row["probability_9"]) == pytest.approx(result.probabilities[9], rel=1e-4)
    assert rows[2]["score"] == "" and "damaged" in rows[2]["error"]


def test_it_works_from_the_keyboard(page: Any, photograph: Path) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # without an explanation
    chooser.value.set_files(photograph)
    page.wait_for_selector("#result:visible")
    assert not page.is_visible("#why")


def test_what_cannot_be_scored_is_told_and_the_next_image_is_scored(
    page: Any, photograph: Path, tmp_path: Path
) -> None:
    text, large, broken = tmp_path / "a.txt", tmp_path / "large.png", tmp_path / "broken.png"
    text.write_text("no image")
    large.write_bytes(bytes(200_001))
    broken.write_bytes(photograph.read_bytes()[:900])
    for file, message in (
        (text, "This is not an image"),
        (large, "The file is larger than"),
        (broken, "damaged or cut off"),
    ):
        page.set_input_files("#file", file)
        page.wait_for_selector(f"[role=alert]:has-text('{message}')")
        assert not page.is_visible("#result")
    page.set_input_files("#file", photograph)
    page.wait_for_selector("#result:visible")
    assert not page.is_visible("[role=alert]")


def test_what_the_model_says_is_text_and_never_html(
    browser: Any, served: Any, photograph: Path
) -> None:
    hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'

    class Hostile:
        origin = Origin(hostile, "00" * 32, hostile, None, "0", hostile, (0.0, 1.0))

        def score(self, images: Any, explain: bool) -> list[ScoredImage]:
            return [ScoredImage("a", self.origin, 0.6, 1, (0.4, 0.6), hostile)]

    with served(create_app(Hostile())) as port:  # type: ignore[arg-type]
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.set_input_files("#file", photograph)
        page.wait_for_selector("#result:visible")
        assert page.inner_text("#explanation") == hostile
        assert hostile in page.inner_text("#scale")
        assert page.title() == "selfscore"
        assert page.locator("img").count() == 1
        page.close()


def test_a_server_that_has_gone_is_told(
    browser: Any, served: Any, demo_scorer: Scorer, photograph: Path
) -> None:
    with served(create_app(demo_scorer)) as port:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("#policy:has-text('policy_0')")
    page.set_input_files("#file", photograph)
    page.wait_for_selector("[role=alert]:has-text('does not answer')")
    page.close()
