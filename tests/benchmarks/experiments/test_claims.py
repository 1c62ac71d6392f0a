from typing import Any

import pandas as pd
import pytest
from scipy import stats

from benchmarks.experiments.claims import Finding, judge_claim
from benchmarks.experiments.definitions import FigureRef, variants_of


def figures(**values: list[float]) -> pd.DataFrame:
    """One figure of every place, its values by seed from 1 on; places are written with `__`."""
    rows = []
    for name, by_seed in values.items():
        variant, number, policy, metric = name.split("__")
        for seed, value in enumerate(by_seed, start=1):
            rows.append(
                {
                    "variant": variant,
                    "seed": seed,
                    "round": int(number),
                    "policy": policy,
                    "metric": metric,
                    "value": value,
                    "low": value - 0.1,
                    "high": value + 0.1,
                }
            )
    return pd.DataFrame(rows)


def judged(now: list[float], expected: str | None, **more: Any) -> Finding:
    table = figures(own__2__merged__srcc=now, default__0__base__srcc=[0.3] * len(now))
    claim = {"says": "It rises.", "of": "own 2 merged srcc", "over": "default 0 base srcc"}
    return judge_claim(claim | {"expected": expected} | more, table)


def test_a_place_is_found_by_seed_with_its_interval() -> None:
    table = figures(own__2__merged__srcc=[0.5, 0.6], own__1__merged__srcc=[0.1, 0.1])
    found = FigureRef.parse("own 2 merged").find(table, "srcc")
    assert found["value"].to_dict() == {1: 0.5, 2: 0.6}
    assert found.loc[2, "high"] == pytest.approx(0.7)
    assert FigureRef.parse("own 2 merged").find(table, "mae").empty


def test_a_pattern_takes_the_metric_in() -> None:
    table = figures(**{"own__0__base__forced.srcc.self": [0.5]})
    assert len(FigureRef.parse("own 0 base forced.{}.self").find(table, "srcc")) == 1


@pytest.mark.parametrize("text", ["own merged 2 srcc", "own 2", "own 2 merged srcc more"])
def test_a_place_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be written as: variant round policy"):
        FigureRef.parse(text)


@pytest.mark.parametrize(
    ("now", "expected", "verdict", "agreeing"),
    [
        ([0.5, 0.51, 0.52], "rises", "holds", 3),
        ([0.5, 0.51, 0.52], "falls", "contradicted", 0),
        ([0.5, 0.51, 0.52], "does_not_fall", "holds", 3),
        ([0.5, 0.51, 0.52], None, "rises", None),
        ([0.2, 0.21, 0.19], "rises", "contradicted", 0),
        ([0.2, 0.21, 0.19], "falls", "holds", 3),
        ([0.2, 0.21, 0.19], "does_not_fall", "contradicted", 0),
        ([0.2, 0.6, 0.25], "rises", "not decided", 1),
        ([0.2, 0.6, 0.25], "does_not_fall", "not decided", 1),
        ([0.2, 0.6, 0.25], None, "no clear difference", None),
        ([0.5], "rises", "not decided", 1),
        ([0.5], "does_not_fall", "not decided", 1),
    ],
)
def test_the_interval_over_seeds_decides(
    now: list[float], expected: str | None, verdict: str, agreeing: int | None
) -> None:
    finding = judged(now, expected)
    assert (finding.verdict, finding.agreeing) == (verdict, agreeing)


def test_differences_are_taken_seed_by_seed() -> None:
    table = figures(a__1__merged__srcc=[0.5, 0.9, 0.1], b__1__merged__srcc=[0.4, 0.7, 0.05])
    claim = {"says": "", "of": "a 1 merged srcc", "over": "b 1 merged srcc"}
    finding = judge_claim(claim, table)
    differences = finding.differences["value"]
    assert differences.tolist() == pytest.approx([0.1, 0.2, 0.05])
    low, high = stats.t.interval(0.95, 2, differences.mean(), stats.sem(differences))
    assert (finding.mean.low, finding.mean.high) == pytest.approx((low, high))
    against_number = judge_claim(claim | {"over": 0.5}, table)
    assert against_number.differences["value"].tolist() == pytest.approx([0.0, 0.4, -0.4])
    # Against a number, a seed's own interval stays.
    assert against_number.differences["low"].tolist() == pytest.approx([-0.1, 0.3, -0.5])


def test_seeds_that_only_one_side_has_are_left_out() -> None:
    table = figures(a__1__merged__srcc=[0.5, 0.9, 0.1], b__1__merged__srcc=[0.4, 0.7])
    claim = {"says": "", "of": "a 1 merged srcc", "over": "b 1 merged srcc", "expected": "rises"}
    finding = judge_claim(claim, table)
    assert finding.differences["value"].tolist() == pytest.approx([0.1, 0.2])
    assert (finding.agreeing, finding.mean.n) == (2, 2)


@pytest.mark.parametrize(
    ("bound", "verdict", "agreeing"), [(0.19, "holds", 3), (0.21, "not decided", 2)]
)
def test_a_bound_must_be_reached_on_every_seed(bound: float, verdict: str, agreeing: int) -> None:
    finding = judged([0.5, 0.53, 0.52], "does_not_fall", bound=bound)
    assert (finding.verdict, finding.agreeing) == (verdict, agreeing)


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.05, "holds"), (-0.5, "holds"), (0.2, "contradicted")]
)
def test_a_control_stays_within_its_own_interval(value: float, verdict: str) -> None:
    claim = {"says": "", "of": "own 2 merged srcc_gain", "over": 0, "expected": "stays"}
    assert judge_claim(claim, figures(own__2__merged__srcc_gain=[value])).verdict == verdict


@pytest.mark.parametrize(
    ("values", "verdict"), [([0.5, -0.4, 0.2], "holds"), ([0.5, 0.4, 0.45], "contradicted")]
)
def test_repeated_controls_may_scatter_but_not_rise(values: list[float], verdict: str) -> None:
    assert judged(values, "stays").verdict == verdict


def test_a_missing_figure_and_an_unknown_expectation_are_named() -> None:
    with pytest.raises(ValueError, match=r"seeds \[1, 2\] have no figure 'own 3 merged srcc'"):
        judged([0.5, 0.6], "rises", of="own 3 merged srcc")
    with pytest.raises(ValueError, match="Unknown `expected` 'grows'"):
        judged([0.5, 0.6], "grows")


def test_the_variants_of_tables_and_claims_are_needed_once() -> None:
    experiment = {
        "tables": [{"rows": {"one": "a 0 base", "two": "b 1 merged"}}],
        "claims": [
            {"of": "c 1 merged srcc", "over": "a 0 base srcc"},
            {"of": "a 1 merged srcc", "over": 0.5},
        ],
    }
    assert variants_of(experiment) == ["a", "b", "c"]
