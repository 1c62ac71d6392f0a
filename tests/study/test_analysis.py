"""The analysis finds what is there, and nothing where nothing is."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from small_study import Raters, settings

from selfscore.study.analysis import _difference, study_figures
from selfscore.study.answers import tabulate
from selfscore.study.plan import plan_study, power
from selfscore.study.report import verdict, write_report
from selfscore.study.settings import Assumed

SETTINGS = settings()


def figures(shown: pd.DataFrame, raters: Raters, seed: int = 0) -> pd.DataFrame:
    answers = tabulate(raters.answer(shown, seed), shown)
    return study_figures(answers, SETTINGS).set_index("metric")


def test_what_is_there_is_found(shown: pd.DataFrame) -> None:
    found = figures(shown, Raters(told=0.4, persuaded=0.4, slower=2.0, spread=0.05))
    true = {
        "guess_before": 0.4,
        "guess_gain": 0.4,
        "guess_gain_other": 0.0,
        "guess_gain_beyond": 0.4,
        "decisions": 0.6,
        "decisions_gain": -0.2,
        "decisions_gain_other": -0.2,
        "over_reliance": 0.4,
        "over_reliance_gain": 0.4,
        "over_reliance_gain_other": 0.4,
        "false_alarms_gain": 0.0,
        "time_with_text": 2.0,
    }
    assert list(found.index) == list(true)
    held = (found["low"] <= pd.Series(true)) & (pd.Series(true) <= found["high"])
    assert held.sum() >= len(true) - 1, found
    verdicts = {str(name): verdict(row) for name, row in found.to_dict("index").items()}
    assert {name for name, one in verdicts.items() if one == "rises"} == {
        "guess_gain",
        "guess_gain_beyond",
        "over_reliance_gain",
        "over_reliance_gain_other",
        "time_with_text",
    }
    assert verdicts["decisions"] == ""
    assert found.loc["guess_before", ["n", "raters", "pictures"]].tolist() == [288, 12, 24]
    assert found.loc["over_reliance_gain", "n"] == 12 * 24 / 3


def test_where_nothing_is_nothing_is_found(shown: pd.DataFrame) -> None:
    """At 95 %, each of nine differences errs about once in 20 studies."""
    raters, wrong = Raters(spread=0.15), Counter[str]()
    for seed in range(20):
        found = figures(shown, raters, seed).to_dict("index")
        wrong.update(str(name) for name, row in found.items() if verdict(row) in ("rises", "falls"))
    assert max(wrong.values(), default=0) <= 4 and wrong.total() <= 9 * 20 * 0.1, wrong


def outcomes(
    raters: int, pictures: int, random: np.random.Generator, assumed: Assumed
) -> pd.DataFrame:
    """Answers in two ways in equal parts, with the variances that are assumed."""
    effects = (
        assumed.effect
        + assumed.between_raters * random.normal(size=(raters, 1))
        + assumed.between_pictures * random.normal(size=(1, pictures))
    )
    rater, picture = np.indices(effects.shape)
    way = (rater + picture) % 2
    y = way * effects + assumed.within * random.normal(size=effects.shape)
    columns = {"rater": rater, "image_id": picture, "way": way, "y": y}
    return pd.DataFrame({name: column.ravel() for name, column in columns.items()})


def compared(table: pd.DataFrame) -> tuple[float, float, int]:
    return _difference(table, table["y"], (table["way"] == 1, table["way"] == 0))


@pytest.mark.parametrize("effect", [0.3, 1e-9])
def test_the_power_is_the_one_that_comes_out(effect: float) -> None:
    assumed = Assumed(effect, 0.2, 0.2, 0.5)
    random, found, studies = np.random.default_rng(0), 0, 400
    for _ in range(studies):
        value, error, freedom = compared(outcomes(12, 16, random, assumed))
        found += abs(value) > t.ppf(0.975, freedom) * error
    expected = power(12, 16, 1 / 2, assumed, 0.95)
    # The analysis may be a little more careful than the plan, never bolder.
    assert expected - 0.15 < found / studies < expected + 0.04


def test_clusters_matter() -> None:
    """Intervals over single answers would leave out the truth far too often."""
    assumed = Assumed(0.1, 0.5, 0.5, 0.3)
    random, wider = np.random.default_rng(1), []
    for _ in range(20):
        table = outcomes(12, 16, random, assumed)
        single = np.sqrt(sum(part.var() / len(part) for _, part in table.groupby("way")["y"]))
        wider.append(compared(table)[1] / single)
    assert np.mean(wider) > 1.5


def test_more_raters_more_power_up_to_what_the_pictures_allow() -> None:
    chances = [power(raters, 24, 1 / 2, SETTINGS.assumed, 0.95) for raters in (6, 12, 48, 10_000)]
    assert chances == sorted(chances)
    assert power(10_000, 2, 1 / 2, SETTINGS.assumed, 0.95) < 0.3, "two pictures are two pictures"


def test_the_plan_says_how_many_raters_it_takes(shown: pd.DataFrame) -> None:
    plan = plan_study(shown, SETTINGS)
    assert plan["raters"] == 12 and plan["pictures"] == {"check": 24, "guess": 24}
    for row in plan["comparisons"]:
        needed = row["raters_needed"]
        assert needed is None or needed % 6 == 0
        assert (row["power"] >= 0.8) == (needed is not None and needed <= 12)


def test_without_answers_there_is_no_figure_and_the_page_says_so(shown: pd.DataFrame) -> None:
    answers = tabulate({}, shown)
    found = study_figures(answers, SETTINGS)
    assert found["value"].isna().all() and (found["n"] == 0).all()
    page = write_report(found, plan_study(shown, SETTINGS), answers)
    assert "No human has rated yet" in page and "What came of it" not in page


def test_one_rater_is_too_few_to_tell(shown: pd.DataFrame) -> None:
    one = dict(list(Raters(told=0.5).answer(shown, 0).items())[:1])
    answers = tabulate(one, shown)
    found = study_figures(answers, SETTINGS)
    assert found["low"].isna().all()
    page = write_report(found, plan_study(shown, SETTINGS), answers)
    assert "too little to tell" in page and "The study is not complete" in page


def test_answers_that_are_all_alike_tell_no_interval(shown: pd.DataFrame) -> None:
    found = figures(shown, Raters(seen=2.0, found=2.0, spread=0))
    assert found.loc["guess_gain", "value"] == 0 and np.isnan(found.loc["guess_gain", "low"])
