"""The page on which pairs are read: its addresses, and the page in a real browser."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from chromium import CHROMIUM, MISSING, opened
from PIL import Image
from serving import served
from small_pairs import HOSTILE, IMAGES

from selfscore.datasets.records import RecordsDataset
from selfscore.review.web import create_app

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)


@pytest.fixture
def labels(tmp_path: Path) -> Any:
    return RecordsDataset(filepath=str(tmp_path / "labels")).load()


@pytest.fixture
def port(pairs: pd.DataFrame, pictures: dict[str, Image.Image], labels: Any) -> Iterator[int]:
    with served(create_app(pairs, pictures, labels, "anna", 4)) as port:
        yield port


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body and json.dumps(body), named)
        answer = connection.getresponse()
        return answer.status, answer.read()


JSON = {"Content_Type": "application/json"}


def test_a_label_is_kept_before_the_page_is_answered(
    port: int, pairs: pd.DataFrame, labels: Any
) -> None:
    key = pairs["key"][3]
    status, content = ask(port, "POST", "/api/labels", {"key": key, "label": "generic"}, **JSON)
    assert status == 200
    kept = labels[f"anna/{key}"]
    assert kept == json.loads(content)
    assert (kept["reader"], kept["label"]) == ("anna", "generic")
    assert kept["chosen"] == pairs["chosen"][3]
    listed = json.loads(ask(port, "GET", "/api/pairs")[1])["pairs"]
    assert [one["label"] for one in listed] == [None] * 3 + ["generic"] + [None] * (IMAGES - 4)


def test_the_page_tells_neither_side_nor_judge(port: int, pairs: pd.DataFrame) -> None:
    content = json.loads(ask(port, "GET", "/api/pairs")[1])
    assert set(content["pairs"][0]) == {"key", "texts", "label"}
    first = [one["texts"][0]["level"] for one in content["pairs"]]
    assert set(first) == {0, 4}, "by chance the chosen one comes first"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"key": "none", "label": "generic"}, JSON, 404),
        ({"key": "none", "label": "lovely"}, JSON, 422),
        ({"label": "generic"}, JSON, 422),
        ({"key": "x", "label": "generic"}, {"Content_Type": "text/plain"}, 422),
        ({"key": "x", "label": "generic"}, JSON | {"Origin": "http://evil.example"}, 403),
        ({"key": "x", "label": "generic"}, JSON | {"Host": "evil.example"}, 400),
    ],
)
def test_what_no_reader_sends_is_refused(
    port: int, labels: Any, body: Any, headers: dict[str, str], status: int
) -> None:
    found, content = ask(port, "POST", "/api/labels", body, **headers)
    assert found == status and isinstance(json.loads(content)["error"], str)
    assert len(labels) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api")
    with opened() as browser:
        yield browser


@pytest.fixture(params=[(390, "light"), (1440, "dark")], ids=["phone, light", "desktop, dark"])
def page(request: Any, browser: Any, port: int) -> Iterator[Any]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # A picture that is stepped over is not waited for.
    page.on(
        "requestfailed",
        lambda failed: failed.failure == "net::ERR_ABORTED" or complaints.append(failed.url),
    )
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector("#task:visible")
    yield page
    assert not complaints
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "it must fit"
    context.close()


def read(page: Any, number: int) -> None:
    page.wait_for_selector(f"#status:has-text('{number} read.')")


@in_a_browser
def test_pairs_are_read_by_keyboard_and_gone_on_with(
    page: Any, pairs: pd.DataFrame, labels: Any
) -> None:
    assert page.evaluate("document.getElementById('picture').complete")
    for number, key in enumerate(["1", "i", "3", "b"], start=1):
        page.keyboard.press(key)
        read(page, number)
    said = [labels[f"anna/{key}"]["label"] for key in pairs["key"][:4]]
    assert said == ["consistent", "inconsistent", "generic", "broken"]
    page.reload()
    page.wait_for_selector("#status:has-text('Pair 5 of 8; 4 read.')")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("button[value=broken][aria-pressed=true]")
    page.keyboard.press("2")
    page.wait_for_selector("button[value=inconsistent][aria-pressed=true]")
    assert labels[f"anna/{pairs['key'][3]}"]["label"] == "inconsistent"
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    # Pair 6, and so on; pair 5 is not forgotten.
    for number in range(5, IMAGES + 1):
        page.keyboard.press("1")
        read(page, number)
    assert "All are read" in page.inner_text("[role=status]")


@in_a_browser
def test_buttons_are_reached_by_tab_and_texts_are_no_html(page: Any, labels: Any) -> None:
    names = []
    for _ in range(4):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.value"))
    assert names == ["consistent", "inconsistent", "generic", "broken"]
    page.keyboard.press("Enter")
    read(page, 1)
    page.keyboard.press("ArrowLeft")
    texts = []
    for _ in range(IMAGES):
        texts += page.locator("#texts p").all_inner_texts()
        page.keyboard.press("ArrowRight")
    assert any(HOSTILE in text for text in texts)
    assert page.title() == "selfscore: pairs to read"


@in_a_browser
def test_a_server_that_has_gone_is_told(
    browser: Any, pairs: pd.DataFrame, pictures: dict[str, Image.Image], labels: Any
) -> None:
    with served(create_app(pairs, pictures, labels, "anna", 4)) as port:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("#task:visible")
    page.keyboard.press("1")
    page.wait_for_selector("[role=alert]:has-text('was not kept')")
    assert "0 read" in page.inner_text("[role=status]") and len(labels) == 0
    page.close()
