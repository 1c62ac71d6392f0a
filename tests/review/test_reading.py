"""Which pairs are read, and what the labels come to."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from small_pairs import IMAGES, generations, readings, scored_images

from selfscore.review.figures import ALL, cohens_kappa, review_figures
from selfscore.review.pairs import LABELS, as_label, join_labels, pairs_to_read
from selfscore.review.settings import ReviewSettings

SETTINGS = ReviewSettings(pairs=50, resampling_unit="group", n_resamples=200, confidence=0.95)


def labelled(pairs: pd.DataFrame, **readers: dict[int, str]) -> pd.DataFrame:
    """The table of what readers said of images, by number."""
    rows = {int(row["image_id"][6:]): row for row in pairs.to_dict("records")}
    labels = {
        f"{reader}/{place}": as_label(rows[place], reader, label)  # type: ignore[arg-type]
        for reader, said in readers.items()
        for place, label in said.items()
    }
    return join_labels(labels, pairs)


def figure(figures: pd.DataFrame, of: str, metric: str) -> pd.Series:
    return figures.set_index(["of", "metric"]).loc[(of, metric)]


def test_pairs_of_all_rounds_are_mixed_and_the_same_each_time() -> None:
    rounds = {number: (generations(number), readings()) for number in (1, 2)}
    pairs = pairs_to_read(rounds, scored_images(), 5, 0)
    assert len(pairs) == 10 and pairs["key"].is_unique
    assert set(pairs["round"].head(5)) == {1, 2}
    pd.testing.assert_frame_equal(pairs, pairs_to_read(rounds, scored_images(), 5, 0))


def test_texts_of_two_rounds_that_are_the_same_are_read_once() -> None:
    rounds = {number: (generations(1), readings()) for number in (1, 2)}
    assert len(pairs_to_read(rounds, scored_images(), 50, 0)) == IMAGES


def test_a_label_belongs_to_the_texts_that_were_read(pairs: pd.DataFrame) -> None:
    later = pairs_to_read({1: (generations(2), readings())}, scored_images(), 50, 0)
    label = as_label(later.iloc[0].to_dict(), "anna", "generic")
    assert join_labels({"anna/x": label}, pairs).empty
    assert label["chosen"].endswith("round 2") and label["time"].endswith("+00:00")


def test_of_two_labels_of_one_reader_the_later_counts(pairs: pd.DataFrame) -> None:
    row = pairs.iloc[0].to_dict()
    labels = {
        f"anna {place}/{row['key']}": as_label(row, "anna", label) | {"time": f"2026-01-0{place}"}
        for place, label in ((2, "consistent"), (1, "generic"))
    }
    labels[f"ben/{row['key']}"] = as_label(row, "ben", "consistent")
    table = join_labels(labels, pairs)
    assert table[["reader", "label"]].to_numpy().tolist() == [
        ["anna", "consistent"],
        ["ben", "consistent"],
    ]
    assert figure(review_figures(table, SETTINGS, 0), "anna/ben", "reader_kappa")["n"] == 1


def test_the_judge_is_held_against_people(pairs: pd.DataFrame) -> None:
    """It tells 0, 2, 4, 6 apart and not 1, 3, 5; it was not asked about 7."""
    usable = {0, 2, 1, 7}
    said = {place: "consistent" if place in usable else "inconsistent" for place in range(IMAGES)}
    figures = review_figures(labelled(pairs, anna=said), SETTINGS, 0)
    found = {row.metric: (row.value, row.n) for row in figures.itertuples()}
    assert found == {
        "usable_pairs": (4 / 8, 8),
        "judge_precision": (2 / 4, 4),
        "judge_recall": (2 / 3, 3),
    }
    low, high = figure(figures, "anna", "usable_pairs")[["low", "high"]]
    assert 0 < low < 0.5 < high < 1


def test_labels_that_all_agree_are_not_certain(pairs: pd.DataFrame) -> None:
    said = dict.fromkeys(range(IMAGES), "consistent")
    row = figure(review_figures(labelled(pairs, anna=said), SETTINGS, 0), "anna", "usable_pairs")
    # Exactly: 0.025 ** (1 / 8).
    assert (row["value"], row["high"]) == (1, 1) and row["low"] == pytest.approx(0.6306, abs=1e-4)


def test_labels_of_one_pair_are_drawn_together(pairs: pd.DataFrame) -> None:
    said = {place: LABELS[place % 2] for place in range(IMAGES)}
    alone = review_figures(labelled(pairs, anna=said), SETTINGS, 0)
    twice = review_figures(labelled(pairs, anna=said, ben=said), SETTINGS, 0)
    width = [
        row["high"] - row["low"]
        for row in (figure(alone, "anna", "usable_pairs"), figure(twice, ALL, "usable_pairs"))
    ]
    assert width[1] == pytest.approx(width[0], abs=0.1), "no narrower for saying it twice"


def test_two_readers_agree_as_scikit_learn_says(pairs: pd.DataFrame) -> None:
    anna = dict(enumerate([LABELS[0], LABELS[0], LABELS[1], LABELS[2], LABELS[3], LABELS[0]]))
    ben = dict(enumerate([LABELS[0], LABELS[1], LABELS[1], LABELS[2], LABELS[0]]))
    row = figure(
        review_figures(labelled(pairs, anna=anna, ben=ben), SETTINGS, 0), "anna/ben", "reader_kappa"
    )
    both = [[said[place] for place in range(5)] for said in (anna, ben)]
    assert row["value"] == pytest.approx(cohen_kappa_score(*both)) and row["n"] == 5
    assert row["low"] < row["value"] < row["high"]


def test_kappa_is_none_where_there_is_one_label() -> None:
    assert pd.isna(cohens_kappa([1, 1], [1, 1]))


def test_without_labels_there_are_no_figures(pairs: pd.DataFrame) -> None:
    assert review_figures(join_labels({}, pairs), SETTINGS, 0).empty
