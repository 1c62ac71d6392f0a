from typing import Any

import numpy as np
import pandas as pd
import pytest

from selfscore.metrics.counterfactual import counterfactual_figures, total_variation
from selfscore.metrics.figures import NO_EDIT, OTHER_PICTURE
from selfscore.metrics.resampling import Resampling


def edits(mentions: Any, pictures: int = 20, seed: int = 0) -> pd.DataFrame:
    """Ten edits a picture of random impact; `mentions` decides from the impact what is named."""
    random = np.random.default_rng(seed)
    n = 10 * pictures
    impact = random.uniform(0, 1, n)
    table = pd.DataFrame(
        {
            "picture": np.arange(n) // 10,
            "strength": 0.5,
            "impact": impact,
            "moved": impact > 0.5,
            "mentioned": np.asarray(mentions(impact, random), np.float64),
            "mentioned_elsewhere": (random.uniform(size=n) < 0.3).astype(np.float64),
            "judged": np.nan,
            "words": 12.0,
        }
    )
    unmade = table.iloc[::10].assign(strength=0.0, impact=0.0, moved=False, mentioned=0.0)
    return pd.concat([table, unmade], ignore_index=True)


def figures(table: pd.DataFrame) -> dict[tuple[str, str], Any]:
    draws = Resampling(200, 0.95, 0, table["picture"])
    found = counterfactual_figures(table, draws)
    return {(row["of"], row["metric"]): row for row in found.to_dict("records")}


def test_total_variation_is_half_of_what_moves() -> None:
    assert total_variation([0.2, 0.8], [0.5, 0.5]) == pytest.approx(0.3)
    assert total_variation([[1, 0], [0.5, 0.5]], [[0, 1], [0.5, 0.5]]).tolist() == [1, 0]


def test_texts_that_name_what_moves_the_score_are_told_from_those_that_do_not() -> None:
    good = figures(edits(lambda impact, random: impact > 0.5))
    assert good["", "counterfactual"]["value"] > 0.8
    assert good["", "counterfactual_hits"]["value"] == 1
    assert good["", "counterfactual_false_alarms"]["value"] == 0
    blind = figures(edits(lambda impact, random: random.uniform(size=len(impact)) < 0.5))
    assert blind["", "counterfactual"]["low"] < 0 < blind["", "counterfactual"]["high"]


def test_naming_everything_hits_all_and_is_no_skill() -> None:
    wordy = figures(edits(lambda impact, random: np.ones(len(impact))))
    assert wordy["", "counterfactual_hits"]["value"] == 1
    assert wordy["", "counterfactual_false_alarms"]["value"] == 1
    assert np.isnan(wordy["", "counterfactual"]["value"])


def test_the_controls_stand_beside_it() -> None:
    found = figures(edits(lambda impact, random: impact > 0.5))
    assert abs(found[OTHER_PICTURE, "counterfactual"]["value"]) < 0.2
    assert found[NO_EDIT, "counterfactual_mentions"]["value"] == 0
    assert found[NO_EDIT, "counterfactual_mentions"]["n"] == 20
    assert found["", "counterfactual_words"]["value"] == 12
    assert not {of for of, _ in found} - {"", OTHER_PICTURE, NO_EDIT}


def test_a_judge_has_figures_of_its_own_and_its_agreement() -> None:
    table = edits(lambda impact, random: impact > 0.5)
    judged = table["mentioned"].where(table.index % 10 != 0, 1 - table["mentioned"])
    found = figures(table.assign(judged=judged))
    assert found["lexicon/openai", "counterfactual_agreement"]["value"] == pytest.approx(0.9)
    assert 0 < found["openai", "counterfactual"]["value"] < found["", "counterfactual"]["value"]


def test_texts_that_are_missing_are_left_out() -> None:
    table = edits(lambda impact, random: impact > 0.5)
    table.loc[:4, ["mentioned", "words"]] = np.nan
    found = figures(table)
    assert found["", "counterfactual"]["n"] == 195
    assert found["", "counterfactual_impact"]["n"] == 200


def test_the_interval_is_over_pictures() -> None:
    """Edits of one picture depend on each other: as many rows of fewer pictures say less."""
    table = edits(lambda impact, random: impact > 0.5 + 0.4 * random.normal(size=len(impact)))
    widths = []
    for pictures in (table["picture"], pd.Series(np.arange(len(table)))):
        again = pd.concat([table.assign(picture=pictures)] * 4, ignore_index=True)
        row = figures(again)["", "counterfactual"]
        widths.append(row["high"] - row["low"])
    assert widths[0] > 0.9 * widths[1]


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_edits_stop_nothing(rows: int) -> None:
    found = counterfactual_figures(
        edits(lambda impact, random: impact > 0.5).iloc[:rows], Resampling(20, 0.95, 0)
    )
    assert found.empty == (rows == 0)
