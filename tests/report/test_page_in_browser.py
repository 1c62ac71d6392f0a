"""The report in a real browser: headless Chromium, where the machine has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, MISSING, opened

pytest.importorskip(
    "playwright.sync_api", reason="the browser is driven by playwright: pip install -e '.[dev]'"
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

VIEWS = ["summary", "charts", "gallery", "pairs"]
# Ratio of luminances of every text that is seen to what lies behind it (WCAG 2.2, 1.4.3).
FAINT = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => rgb.slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const box = element.getBoundingClientRect();
    if (!own || !box.width || element.closest("script, title, [disabled], .unseen")) continue;
    const style = getComputedStyle(element);
    const svg = element instanceof SVGElement;
    const pair = [luminance(numbers(svg ? style.fill : style.color)), luminance(behind(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    const text = element.textContent.trim().slice(0, 30);
    if (ratio < 4.5) faint.push(`${element.tagName} "${text}" ${ratio}`);
  }
  return faint;
}"""


@pytest.fixture(scope="module")
def address(reported: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    file: Path = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(reported["report"], encoding="utf-8")
    return file.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened() as browser:
        yield browser


@pytest.fixture(params=[(390, "light"), (1440, "dark")], ids=["phone, light", "desktop, dark"])
def page(request: Any, browser: Any, address: str) -> Iterator[Any]:
    """The report without a network; nothing may fail, and nothing be asked for."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_offline(True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request",
        lambda asked: asked.url.startswith(("file:", "data:")) or complaints.append(asked.url),
    )
    page.goto(address)
    yield page
    assert not complaints
    context.close()


@pytest.mark.parametrize(
    "page", [(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")], indirect=True, ids=str
)
def test_every_part_fits_and_can_be_read(page: Any) -> None:
    width = page.viewport_size["width"]
    for view in VIEWS:
        page.click(f"nav a[href='#{view}']")
        page.wait_for_selector(f"#{view}:visible")
        assert page.locator(".view:visible").count() == 1
        page.eval_on_selector_all("details", "all => all.forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        assert page.evaluate(FAINT) == []
    assert page.title() == "selfscore report: policy_2", "a text of the model took over the page"


@pytest.mark.parametrize("width", [320, 360, 390])
def test_no_figure_leaves_its_tile(browser: Any, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    outside = """all => all.flatMap((tile) => {
      const { left, right } = tile.getBoundingClientRect();
      return [...tile.querySelectorAll("*:not(.unseen)")].filter((one) => {
        const own = one.getBoundingClientRect();
        return own.right > right + 0.5 || own.left < left - 0.5;
      }).map((one) => one.textContent);
    })"""
    assert page.eval_on_selector_all(".tile", outside) == []
    # Also where a figure has as many digits as one can have.
    page.eval_on_selector_all(
        ".figures .before, .figures .after",
        "all => { for (const one of all) one.textContent = '−1000.00'; }",
    )
    assert page.eval_on_selector_all(".tile", outside) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_all_of_it_is_printed(browser: Any, address: str, tmp_path: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto(f"{address}#charts")
    page.emulate_media(media="print")
    for view in VIEWS:
        assert page.is_visible(f"#{view}"), view
    assert not page.is_visible("nav") and not page.is_visible("#more")
    counted = "document.querySelectorAll('#cards > li, .pair').length"
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {counted}; }})")
    page.pdf(path=str(tmp_path / "report.pdf"))
    assert page.evaluate("window.printed") == 30 + 12
    page.emulate_media(media="screen")
    assert page.evaluate(counted) == 12 + 1
    page.close()


def test_light_and_dark_differ(browser: Any, address: str) -> None:
    def colours(scheme: str) -> list[str]:
        page = browser.new_page(color_scheme=scheme)
        page.goto(f"{address}#charts")
        found: list[str] = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            " getComputedStyle(document.querySelector('.panels use')).fill]"
        )
        page.close()
        return found

    light, dark = colours("light"), colours("dark")
    assert light[0] != dark[0] and light[1] != dark[1]


def test_it_works_from_the_keyboard(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in VIEWS[:3]:
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#gallery:visible")
    assert page.get_attribute("nav a[href='#gallery']", "aria-current") == "page"
    page.focus("#more")
    page.keyboard.press("Enter")
    assert page.locator("#cards > li").count() == 24
    assert page.evaluate(
        "document.activeElement.closest('li') === document.querySelectorAll('#cards > li')[12]"
    )
    page.focus("nav a[href='#pairs']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#pairs:visible")
    assert page.inner_text("#pairs-status") == "Pair 1 of 12"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#pairs-status") == "Pair 2 of 12"


def test_what_has_the_focus_is_seen(page: Any) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_gallery_is_sorted_and_filtered(page: Any, reported: dict[str, Any]) -> None:
    shown = reported["image_gallery"].set_index("image_id")
    error = shown["error"].abs()
    before = (shown["before_expected_score"] - shown["score"]).abs()
    orders = {
        "error_after:-1": error.sort_values(ascending=False),
        "error_after:1": error.sort_values(),
        "gain:-1": (before - error).sort_values(ascending=False),
        "score:1": shown["score"].sort_values(),
    }
    page.click("nav a[href='#gallery']")
    for choice, expected in orders.items():
        page.select_option("#sort", choice)
        names = page.locator("#cards h2").all_inner_texts()
        assert len(names) == 12
        order = {name: place for place, name in enumerate(expected.index)}
        values = [expected.iloc[order[name]] for name in names]
        assert values == pytest.approx(expected.iloc[:12].tolist()), choice
    page.select_option("#group", "scene 1")
    fitting = set(shown.index[shown["group"] == "scene 1"])
    assert set(page.locator("#cards h2").all_inner_texts()) == fitting
    assert page.inner_text("#gallery-status") == f"{len(fitting)} of {len(fitting)} images"
    assert not page.is_visible("#more")


def test_a_card_shows_what_was_said(page: Any, reported: dict[str, Any]) -> None:
    page.click("nav a[href='#gallery']")
    row = reported["image_gallery"].iloc[0]
    card = page.locator("#cards > li").first
    text = card.inner_text()
    assert row["after_explanation"] in text and row["before_explanation"] in text
    assert f"{row['score']:.2f}" in text and f"{row['after_expected_score']:.2f}" in text
    assert card.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")


def test_pairs_are_filtered(page: Any) -> None:
    page.click("nav a[href='#pairs']")
    page.select_option("#round", "2")
    assert page.inner_text("#pairs-status") == "Pair 1 of 6"
    assert "round 2" in page.inner_text("#pair-list")
    assert page.locator(".pair mark").count() > 0
    page.select_option("#judge", "misled")
    assert page.inner_text("#pairs-status") == "No pairs"
    assert page.is_visible("#no-pairs")


def test_an_address_leads_to_its_part(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(f"{address}#chart-reliability")
    assert page.is_visible("#chart-reliability") and not page.is_visible("#summary")
    page.close()


def test_without_scripts_everything_is_on_one_page(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    for view in VIEWS:
        assert page.is_visible(f"#{view}")
    assert page.locator("#cards > li").count() == 30
    assert not page.is_visible("#sort")
    context.close()
