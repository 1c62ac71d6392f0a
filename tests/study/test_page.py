"""The page for raters in a real browser: as a file, and from this machine."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from chromium import CHROMIUM, MISSING, opened
from PIL import Image
from serving import served
from small_study import BEST, HOSTILE, Raters, settings

from selfscore.study.analysis import study_figures
from selfscore.study.answers import tabulate
from selfscore.study.items import CHECK, study_id
from selfscore.study.page import write_page
from selfscore.study.plan import plan_study
from selfscore.study.report import write_report
from selfscore.study.sent_files import read_answers
from selfscore.study.web import create_app

expect = pytest.importorskip("playwright.sync_api").expect
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)


@pytest.fixture(scope="session")
def short(shown: pd.DataFrame) -> pd.DataFrame:
    """Two pictures of each task a seat, for the browser."""
    return shown[shown.groupby(["seat", "task"])["order"].rank() <= 2].reset_index(drop=True)


@pytest.fixture(scope="session")
def page_of(pictures: dict[str, Image.Image]) -> Callable[..., str]:
    def write(items: pd.DataFrame, best: int = BEST) -> str:
        return write_page(items, pictures, best, 32)

    return write


def test_the_page_says_nothing_that_it_must_not_say(
    shown: pd.DataFrame, page_of: Callable[..., str]
) -> None:
    page = page_of(shown)
    start = page.index('<script type="application/json" id="study">')
    data = json.loads(page[page.index("{", start) : page.index("</script>", start)])
    assert data["study"] == study_id(shown) and len(data["seats"]) == 12
    told = [set(item) for seat in data["seats"] for item in seat]
    assert {frozenset(one) for one in told} == {
        frozenset({"item", "task", "text", "picture"}),
        frozenset({"item", "task", "text", "picture", "level"}),
    }
    for seat in data["seats"]:
        assert all(("level" in item) == (item["task"] == CHECK) for item in seat)
    # A text cannot end the element it is in.
    assert HOSTILE not in page and "</script><img" not in page


@pytest.fixture
def port(short: pd.DataFrame, page_of: Callable[..., str], kept: Any) -> Iterator[int]:
    with served(create_app(page_of(short), short, kept)) as port:
        yield port


def ask(port: int, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        named = {"Content-Type": "application/json"} | headers
        method = "GET" if body is None else "POST"
        connection.request(method, path, None if body is None else json.dumps(body), named)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_answers_are_taken_from_the_page_alone(port: int, short: pd.DataFrame, kept: Any) -> None:
    item = short.query("seat == 1 and task == 'check'")["item"].iloc[0]
    answer = {"item": item, "accepted": True, "seconds": 2.5}
    sent = {"study": study_id(short), "rater": "anna", "seat": 1, "answers": [answer]}
    assert ask(port, "/api/study")[1] == {"study": study_id(short), "seat": 1}
    assert ask(port, "/api/answers", sent, Origin="http://evil.example")[0] == 403
    assert ask(port, "/api/answers", sent, Host="evil.example")[0] == 400
    status, told = ask(port, "/api/answers", sent | {"rater": "../anna"})
    assert status == 422 and "letters" in told["error"]
    status, told = ask(port, "/api/answers", sent | {"study": "old"})
    assert status == 409 and "the study old" in told["error"]
    assert len(kept) == 0
    assert ask(port, "/api/answers", sent) == (200, {"answers": 1})
    assert ask(port, "/api/answers/anna")[1]["answers"][0]["accepted"] is True
    assert ask(port, "/api/answers/ben")[1] == ask(port, "/api/answers/%2e%2e")[1] == {}
    assert ask(port, "/api/study")[1]["seat"] == 2


def test_of_answers_that_come_at_the_same_time_none_is_lost(
    short: pd.DataFrame, page_of: Callable[..., str]
) -> None:
    class Slow(dict[str, Any]):
        def get(self, *arguments: Any) -> Any:
            found = super().get(*arguments)
            time.sleep(0.2)
            return found

    kept = Slow()
    items = short.query("seat == 1 and task == 'check'")["item"]
    with served(create_app(page_of(short), short, kept)) as port, ThreadPoolExecutor() as pool:
        said = [{"item": item, "accepted": True} for item in items]
        sent = [
            {"study": study_id(short), "rater": "anna", "seat": 1, "answers": [one]} for one in said
        ]
        list(pool.map(lambda one: ask(port, "/api/answers", one), sent))
    assert len(kept[f"{study_id(short)}/anna"]["answers"]) == len(items) == 2


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with opened() as browser:
        yield browser


@pytest.fixture(params=[(390, "light"), (1440, "dark")], ids=["phone, light", "desktop, dark"])
def page(request: Any, browser: Any) -> Iterator[Any]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    assert not complaints
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "it must fit"
    context.close()


def begin(page: Any, rater: str = "anna") -> None:
    """By keyboard: name, seat, begin."""
    page.keyboard.press("Tab")
    page.keyboard.type(rater)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#task:visible")


def answered(page: Any, number: int) -> None:
    page.wait_for_selector(f"#status:has-text('{number} of 4 answered.')")


@in_a_browser
def test_as_a_file_it_is_answered_by_keyboard_gone_on_with_and_saved(
    page: Any, short: pd.DataFrame, page_of: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "study.html"
    file.write_text(page_of(short), encoding="utf-8")
    page.context.set_offline(True)
    page.goto(f"{file.as_uri()}#3")
    begin(page)
    assert not page.is_visible("#said"), "the picture comes first, alone"
    page.keyboard.press("4")
    page.wait_for_selector("#said:visible")
    page.keyboard.press("7")
    answered(page, 1)
    page.reload()
    begin(page)
    answered(page, 1)
    for key in ("0", "9"):
        page.keyboard.press(key)
    answered(page, 2)
    assert page.evaluate("document.getElementById('picture').naturalWidth") == 32
    page.keyboard.press("a")
    answered(page, 3)
    # By tab alone as well.
    page.locator("#choices button").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#end:visible")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.name == "answers anna.json"
    (answers,) = read_answers(saved)
    table = tabulate({"x": answers.model_dump()}, short)
    guesses = table[table["task"] == "guess"]
    assert guesses[["before", "after"]].to_numpy().tolist() == [[4, 7], [0, 9]]
    checks = table[table["task"] == "check"].set_index("item")["accepted"]
    in_order = short.query("seat == 3 and task == 'check'").sort_values("order")["item"]
    assert checks.loc[in_order].tolist() == [True, False], "by key, and by tab"
    assert (table["seconds"] > 0).all() and (guesses["seconds_before"] > 0).all()
    assert page.title() == "selfscore: a study"


@in_a_browser
def test_on_this_machine_every_answer_is_kept_at_once(
    page: Any, port: int, short: pd.DataFrame, kept: Any
) -> None:
    page.goto(f"http://127.0.0.1:{port}/")
    expect(page.locator("#seat")).to_have_value("1")
    begin(page)
    with page.expect_response("**/api/answers"):
        page.keyboard.press("1")
        page.keyboard.press("2")
    answered(page, 1)
    record = kept[f"{study_id(short)}/anna"]
    assert [one["before"] for one in record["answers"]] == [1]
    # Another browser, with nothing of its own, goes on.
    page.evaluate("localStorage.clear()")
    page.goto(f"http://127.0.0.1:{port}/#1")
    expect(page.locator("#seat")).to_have_value("1")
    begin(page)
    answered(page, 1)


@in_a_browser
def test_what_was_not_taken_is_not_called_sent_and_comes_with_the_next_visit(
    page: Any, port: int, short: pd.DataFrame, kept: Any
) -> None:
    page.route("**/api/answers", lambda route: route.fulfill(body=""))
    page.goto(f"http://127.0.0.1:{port}/#1")
    begin(page)
    for number, keys in enumerate(("12", "34", "a", "r"), start=1):
        page.keyboard.type(keys)
        if number < 4:
            answered(page, number)
    expect(page.locator("#where")).to_contain_text("save your answers as a file")
    expect(page.locator("#save")).to_be_visible()
    assert len(kept) == 0
    page.unroute("**/api/answers")
    page.goto(f"http://127.0.0.1:{port}/")
    expect(page.locator("#seat")).to_have_value("1")
    page.fill("#rater", "anna")
    page.keyboard.press("Enter")
    expect(page.locator("#where")).to_contain_text("have been sent")
    assert len(kept[f"{study_id(short)}/anna"]["answers"]) == 4


@in_a_browser
def test_who_opens_the_page_at_the_same_time_is_not_given_the_same_seat(
    browser: Any, port: int, short: pd.DataFrame, kept: Any
) -> None:
    anna, ben = browser.new_page(), browser.new_page()
    for page in (anna, ben):
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("#seat")).to_have_value("1")
    begin(anna)
    ben.fill("#rater", "ben")
    ben.keyboard.press("Enter")
    expect(ben.locator("#error")).to_contain_text("Seat 1 is taken by 'anna'")
    expect(ben.locator("#error")).to_contain_text("seat 2 is free")
    assert ben.is_visible("#begin")
    for seat in range(2, 13):
        name = f"{study_id(short)}/r{seat}"
        kept[name] = {"study": study_id(short), "rater": f"r{seat}", "seat": seat, "answers": []}
    ben.reload()
    expect(ben.locator("#error")).to_contain_text("All 12 seats are taken")
    expect(ben.locator("#seat")).to_have_value("")
    anna.close()
    ben.close()


@in_a_browser
def test_a_browser_that_keeps_nothing_says_so_and_goes_on(
    page: Any, port: int, short: pd.DataFrame, kept: Any
) -> None:
    page.add_init_script(
        "Storage.prototype.setItem = Storage.prototype.getItem = () => { throw new Error('full') }"
    )
    page.goto(f"http://127.0.0.1:{port}/#1")
    begin(page)
    assert page.is_hidden("#unkept")
    for number, keys in enumerate(("12", "34", "a", "r"), start=1):
        page.keyboard.type(keys)
        expect(page.locator("#unkept")).to_contain_text("until they are sent")
        if number < 4:
            answered(page, number)
    expect(page.locator("#where")).to_contain_text("have been sent")
    assert len(kept[f"{study_id(short)}/anna"]["answers"]) == 4


@in_a_browser
def test_scales_of_more_than_ten_levels_have_a_field(
    page: Any, short: pd.DataFrame, page_of: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "study.html"
    file.write_text(page_of(short, best=49), encoding="utf-8")
    page.goto(f"{file.as_uri()}#1")
    begin(page)
    for level in ("37", "41"):
        expect(page.locator("#choices input")).to_be_focused()
        page.keyboard.type(level)
        page.keyboard.press("Enter")
    answered(page, 1)
    stored = page.evaluate("JSON.parse(Object.values(localStorage)[0]).answers[0]")
    assert (stored["before"], stored["after"]) == (37, 41)


@in_a_browser
def test_the_report_fits_too(page: Any, shown: pd.DataFrame, tmp_path: Path) -> None:
    answers = tabulate(Raters(told=0.4).answer(shown, 0), shown)
    figures = study_figures(answers, settings())
    file = tmp_path / "report.html"
    file.write_text(write_report(figures, plan_study(shown, settings()), answers), "utf-8")
    page.goto(file.as_uri())
    assert "12 of 12 raters gave 576 answers." in page.inner_text("body")
    assert page.locator("tbody tr").count() == 12 + 3
