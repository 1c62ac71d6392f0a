"""The choice of the champion: on validation images, and on nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from cards import policy_over
from stage_settings import reporting

from selfscore.report.champion import choose_champion
from selfscore.report.settings import ReportingSettings

BASE = policy_over()
MADE = {f"policy_{number}": {"digest": f"of policy {number}"} for number in (1, 2)}
RULES = reporting(champion={"max_faithfulness_loss": 0.05}, n_resamples=200)
SEED = 0


def images() -> pd.DataFrame:
    return pd.DataFrame({"split": "train", "score": [1.0, 2.0, 3.0], "level": [0, 1, 2]})


def judged(*noise: float, n: int = 40) -> pd.DataFrame:
    """What policy_0, policy_1, … said of validation images, and how far off the truth."""
    score = np.random.default_rng(0).uniform(0, 3, n)
    tables = [
        pd.DataFrame(
            {
                "round": number,
                "policy": "merged" if number else "base",
                "split": "validation",
                "image_id": [str(place) for place in range(n)],
                "group": "",
                "score": score,
                "level": score.astype(int),
                "expected_score": score + spread * np.random.default_rng(number + 1).normal(size=n),
                "probabilities": [[0.2, 0.3, 0.5]] * n,
            }
        )
        for number, spread in enumerate(noise)
    ]
    return pd.concat(tables, ignore_index=True)


def choice(
    figures: pd.DataFrame,
    rules: ReportingSettings = RULES,
    judgements: pd.DataFrame | None = None,
    **merge_reports: dict[str, Any],
) -> dict[str, Any]:
    said = judged(3.0, 1.0, 0.5) if judgements is None else judgements
    made = merge_reports or MADE
    return choose_champion(figures, said, images(), rules, BASE, SEED, **made)


def table(**figures: list[float]) -> pd.DataFrame:
    """Metric → values of rounds 0, 1, 2 on validation images; the test images say the opposite."""
    rows = []
    for split, sign in (("validation", 1), ("test", -1)):
        for metric, values in figures.items():
            for number, value in enumerate(values[::sign]):
                for policy in ("merged", "scoring") if number else ("base",):
                    # An expert is better than all, and no candidate.
                    shown = value + 0.5 * (policy == "scoring")
                    rows.append([number, policy, split, "all", "", metric, shown])
    columns = ["round", "policy", "split", "group", "of", "metric", "value"]
    return pd.DataFrame(rows, columns=columns).assign(low=np.nan, high=np.nan)


def chosen(**figures: list[float]) -> str:
    found = {"format_valid": [1.0, 1.0, 1.0], "faithfulness": [0.8, 0.8, 0.8], **figures}
    return str(choice(table(**found))["policy"])


def test_the_best_on_validation_images_wins() -> None:
    assert chosen(srcc=[0.2, 0.6, 0.5]) == "policy_1"
    assert chosen(srcc=[0.2, 0.5, 0.6]) == "policy_2"
    assert chosen(srcc=[0.7, 0.5, 0.6]) == "policy_0"


def test_the_earlier_wins_a_tie_and_what_is_undefined_loses() -> None:
    assert chosen(srcc=[0.2, 0.6, 0.6]) == "policy_1"
    assert chosen(srcc=[0.2, float("nan"), 0.3]) == "policy_2"


def test_a_broken_format_or_lost_faithfulness_excludes() -> None:
    assert chosen(srcc=[0.2, 0.5, 0.6], format_valid=[1.0, 1.0, 0.94]) == "policy_1"
    assert chosen(srcc=[0.2, 0.5, 0.6], faithfulness=[0.8, 0.78, 0.7]) == "policy_1"
    assert chosen(srcc=[0.2, 0.5, 0.6], format_valid=[0.5, 0.9, 0.9]) == "policy_0"


def test_without_faithfulness_it_is_not_asked_for() -> None:
    found = table(srcc=[0.2, 0.5, 0.6], format_valid=[1.0, 1.0, 1.0])
    assert choice(found)["policy"] == "policy_2"


@pytest.mark.parametrize(
    ("high", "wins"), [(0.2, "policy_1"), (0.32, "policy_2"), (float("nan"), "policy_2")]
)
def test_without_faithfulness_what_stands_in_for_it_has_to_be_clearly_lower(
    high: float, wins: str
) -> None:
    found = table(srcc=[0.2, 0.5, 0.6], format_valid=[1.0] * 3, counterfactual=[0.5, 0.5, 0.1])
    worse = (found["metric"] == "counterfactual") & (found["round"] == 2)
    found["high"] = np.where(worse, high, 0.9)
    made = choice(found)
    assert made["policy"] == wins
    told = made["candidates"]["policy_2"]["excluded"]
    assert ("'counterfactual' is clearly below" in told) == (wins == "policy_1")
    off = reporting(champion={"max_counterfactual_loss": None})
    assert choice(found, off)["policy"] == "policy_2"
    # Where statements are checked, they decide.
    assert chosen(srcc=[0.2, 0.5, 0.6], counterfactual=[0.5, 0.5, 0.1]) == "policy_2"


def test_of_an_error_the_lowest_wins() -> None:
    rules = reporting(champion={"metric": "mae"})
    found = table(mae=[1.4, 0.9, 1.0], format_valid=[1.0, 1.0, 1.0])
    assert choice(found, rules)["policy"] == "policy_1"


@pytest.mark.parametrize("seed", range(3))
def test_the_test_images_play_no_part(seed: int) -> None:
    found = table(srcc=[0.2, 0.6, 0.5], format_valid=[1.0, 0.96, 0.97])
    before = choice(found)
    on_test = found["split"] == "test"
    found.loc[on_test, "value"] = np.random.default_rng(seed).uniform(size=on_test.sum())
    after = choice(found)
    assert before.pop("figures")["validation"] == after.pop("figures")["validation"]
    assert before == after


def test_the_record_names_the_policy_and_its_rivals() -> None:
    found = table(srcc=[0.2, 0.6, 0.7], format_valid=[1.0, 1.0, 0.9])
    record = choice(found)
    assert record["policy"] == "policy_1" and record["round"] == 1
    assert record["digest"] == "of policy 1"
    assert record["value"] == 0.6 and record["chosen_on"] == "validation"
    assert record["figures"]["test"]["srcc"] == 0.6
    excluded = {name: row["excluded"] for name, row in record["candidates"].items()}
    assert excluded["policy_0"] == excluded["policy_1"] == ""
    assert "90.0\u00a0% of its answers" in excluded["policy_2"]


def test_the_base_model_is_recorded_by_its_own_digest() -> None:
    found = table(srcc=[0.7, 0.5, 0.6], format_valid=[1.0, 1.0, 1.0])
    record = choice(found)
    assert (record["policy"], record["digest"]) == ("policy_0", BASE.digest)


def test_without_validation_images_the_remedy_is_told() -> None:
    found = table(srcc=[0.2, 0.6, 0.7], format_valid=[1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"add 'validation' to `evaluation\.splits`"):
        choice(found[found["split"] == "test"])
    with pytest.raises(ValueError, match=r"from \['format_valid', 'srcc'\]"):
        rules = reporting(champion={"metric": "srrc"})
        choice(found, rules)


def test_a_round_of_an_earlier_release_is_named_with_the_remedy() -> None:
    found = table(srcc=[0.2, 0.5, 0.6], format_valid=[1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="merge_report. of policy_2 .* Run the stage merging"):
        choice(found, policy_1={"energy_kept": 1.0}, policy_2={})


def test_a_tie_on_the_validation_images_is_said() -> None:
    """Among few images, the best of several is often the best by luck."""
    found = table(srcc=[0.2, 0.6, 0.62], format_valid=[1.0, 1.0, 1.0])
    clear = choice(found, judgements=judged(6.0, 3.0, 0.05, n=60))
    assert clear["tied_with"] == [] and clear["images"] == 60
    few = choice(found, judgements=judged(2.0, 1.0, 1.0, n=5))
    assert few["policy"] == "policy_2" and few["images"] == 5
    assert few["tied_with"] == ["policy_0", "policy_1"]
    # Equal answers are a tie, and one that could not win is none.
    same = choice(found, judgements=judged(6.0, 0.0, 0.0))
    assert same["tied_with"] == ["policy_1"]
    broken = found.assign(
        value=found["value"].where((found["metric"] != "format_valid") | (found["round"] != 1), 0.1)
    )
    assert choice(broken, judgements=judged(6.0, 0.0, 0.0))["tied_with"] == []
