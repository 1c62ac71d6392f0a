"""The report as text: self-contained, escaped, and with everything in it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from miniature_run import scored_images

from selfscore.report.description import is_simulated
from selfscore.report.page import _pair

HOSTILE = '<script>document.title="taken"</script>'


class Outline(HTMLParser):
    """Tags with their attributes, and the ids."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(reported: dict[str, Any]) -> str:
    return str(reported["report"])


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def test_nothing_is_loaded_from_elsewhere(page: str, outline: Outline) -> None:
    for _, attributes in outline.tags:
        for name in ("src", "href", "srcset", "data"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), address
    assert "@import" not in page and "url(" not in page
    assert not outline.every("iframe") and not outline.every("form")


def test_only_its_own_script_may_run(page: str, outline: Outline) -> None:
    policy = next(
        str(meta["content"])
        for meta in outline.every("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy


def test_what_a_model_says_is_text(page: str, outline: Outline, reported: dict[str, Any]) -> None:
    shown = reported["image_gallery"]["after_explanation"]
    assert shown.str.contains("<script>", regex=False).any(), "the hostile text must be shown"
    assert HOSTILE not in page
    assert "&lt;script&gt;document.title=" in page
    assert len(outline.every("script")) == 1
    assert not [a for _, a in outline.tags if any(name.startswith("on") for name in a)]
    assert all(str(image["src"]).startswith("data:image/jpeg") for image in outline.every("img"))
    # Also in the unit of the scores and in the texts of the pairs.
    assert "stars &lt;1-5&gt;" in page and "<b>here" not in page


def test_every_picture_has_a_text_of_its_own(outline: Outline) -> None:
    for image in outline.every("img"):
        assert image["alt"]
    for drawing in outline.every("svg"):
        assert drawing.get("aria-label") or drawing.get("aria-hidden") == "true"


def test_the_document_is_well_made(outline: Outline) -> None:
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert outline.every("html")[0]["lang"] == "en"
    for _, attributes in outline.tags:
        for name in ("aria-labelledby", "for"):
            assert attributes.get(name) is None or attributes[name] in ids
    for link in outline.every("a"):
        assert str(link["href"])[1:] in ids
    for header in outline.every("th"):
        assert header["scope"] in ("row", "col")
    for select in outline.every("select"):
        assert select["id"]


def test_the_summary_names_the_champion_and_what_got_worse(
    page: str, reported: dict[str, Any]
) -> None:
    assert reported["champion"]["policy"] == "policy_2"
    assert "The champion, policy_2, raises the agreement" in page
    assert "The test images played no part in the choice." in page
    assert "Less of what is written is true of the picture" in page
    worse = page.index("What got worse")
    assert worse < page.index("Less of what is written") < page.index("What cannot be told")


def test_the_run_and_its_scale_are_told(page: str, reported: dict[str, Any]) -> None:
    assert "2026-01-01T00.00.00.000Z" in page and "<b>" not in page
    assert "kedro run --params=&#39;&lt;b&gt;&#39;" in page
    assert "round 1: scoring 38, consistency 38" in page
    assert "This is the demo" not in page
    for row in reported["run_description"]["levels"]:
        assert f"{row['from']:.2f}</td>" in page and f"{row['score']:.2f}</td>" in page
    assert "Linear agreement with the raters" in page


def test_the_data_come_before_any_figure(page: str) -> None:
    data = page.index("What this rests on")
    assert data < page.index("&lt;i&gt;copies&lt;/i&gt; add nothing") < page.index('class="tiles"')


def test_every_tile_stands_beside_its_controls(page: str) -> None:
    assert "One answer for all images: none; ridge on the same image features: 0." in page
    assert "No true score enters here, so shuffled labels may move it as well." in page
    assert "rest on 4 groups of test images only: take them as unsure" in page
    assert "unsure: 4 groups only" in page


def test_scores_that_no_human_gave_are_said_to_be_so(
    report_on: Callable[..., dict[str, Any]],
) -> None:
    given = scored_images().assign(image=lambda table: "folder/" + table["path"])
    done = report_on(simulated_scores=given[["image", "score"]])
    assert "This is the demo" in done["report"] and "raters are simulated" in done["report"]
    # One that differs is somebody's own.
    other = given.assign(score=given["score"].where(given.index != given.index[-1], 4.2))
    assert not is_simulated(scored_images(), other)


def test_words_of_one_text_alone_are_marked() -> None:
    row = {"chosen": "It is sharp. It is good.", "rejected": "it is dull.", "told_apart": 0.0}
    pair = _pair(row)
    assert pair["verdict"] == "misled"
    assert [word for word, marked in pair["chosen_words"] if marked] == ["sharp", "good"]
    assert "".join(word for word, _ in pair["chosen_words"]) == row["chosen"]
    assert [word for word, marked in pair["rejected_words"] if marked] == ["dull"]
    assert _pair({**row, "told_apart": float("nan")})["verdict"] == "unknown"


def test_one_round_with_one_expert_is_reported(report_on: Callable[..., dict[str, Any]]) -> None:
    done = report_on({0: {"base": 3.0}, 1: {"scoring": 0.5, "merged": 0.5}})
    assert done["champion"]["policy"] in ("policy_0", "policy_1")
    assert "The policies of round 1 side by side" in done["report"]
    assert list(done["iteration_changes"]["against"].unique()) == ["base", "scoring"]


def test_a_policy_in_ruins_is_reported(report_on: Callable[..., dict[str, Any]]) -> None:
    """No answer can be read any more: no written levels, no consistency, no faithfulness."""

    def ruin(table: pd.DataFrame, number: int) -> pd.DataFrame:
        if number < 2:
            return table
        lost = {"emitted_level": pd.NA, "emitted_score": pd.NA, "faithfulness": np.nan}
        lost |= {"inferred_level": np.nan}
        for name in set(lost) & set(table):
            table[name] = pd.Series(lost[name], table.index, dtype=table[name].dtype)
        return table.assign(valid=False)

    done = report_on(change=ruin)
    assert done["champion"]["policy"] != "policy_2"
    assert "0.0\u00a0% of its answers" in done["champion"]["candidates"]["policy_2"]["excluded"]
    assert "policy_2 could not be chosen" in done["report"]


def test_where_no_round_helped_the_base_model_stays(
    report_on: Callable[..., dict[str, Any]],
) -> None:
    done = report_on({0: {"base": 0.4}, 1: {"scoring": 4.0, "merged": 4.0}})
    assert done["champion"]["policy"] == "policy_0"
    assert "No round’s policy beat the base model" in done["report"]
    # What was not taken is shown nevertheless.
    assert "The scores follow the raters less closely" in done["report"]


def test_without_known_faults_faithfulness_is_left_out(
    report_on: Callable[..., dict[str, Any]],
) -> None:
    def unknown(table: pd.DataFrame, number: int) -> pd.DataFrame:
        return table.assign(faithfulness=np.nan) if "faithfulness" in table else table

    done = report_on(change=unknown)
    assert "share of statements" not in done["report"]
    assert "true of the pictures was not checked" in done["report"]
    assert "After a known fault was rendered on validation images" in done["report"]
    assert "Asked about the picture, the base model affirms" in done["report"]
    assert "faithfulness" not in set(done["iteration_changes"]["metric"])
