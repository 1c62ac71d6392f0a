"""Do texts name what was done to a picture, and the more so the more it moved the score?

The correlational counterfactual test (Siegel et al. 2024, https://arxiv.org/abs/2404.03189): of
edits, the correlation of their impact on the distribution of scores with whether the text names
them. Its value is not raised by naming everything, as a share of hits is: hits and false alarms
(https://arxiv.org/abs/2503.13445) stand beside it, with the length of the texts.

Knows arrays and the table of edits; knows no picture and no word.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from selfscore.metrics.accuracy import exact, share
from selfscore.metrics.figures import NO_EDIT, OTHER_PICTURE
from selfscore.metrics.rank_correlation import plcc
from selfscore.metrics.resampling import FIGURE_COLUMNS, Resampling, Statistic

# Who reads mentions beside the lexicon.
JUDGE = "openai"

_Figure = tuple[str, Statistic, pd.DataFrame]


def total_variation(before: ArrayLike, after: ArrayLike) -> NDArray[np.float64]:
    """Distance of two distributions: half the sum of the differences.

    Args:
        before: Probabilities, shape (..., levels).
        after: Of the same shape.

    Returns:
        Distances in [0, 1], shape (...).
    """
    difference = np.asarray(before, np.float64) - np.asarray(after, np.float64)
    return np.asarray(np.abs(difference).sum(axis=-1) / 2)


def counterfactual_figures(edits: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """Figures of one policy's edits, with their controls.

    - `counterfactual`: correlation of impact and mention over edits, in [-1, 1].
    - `counterfactual_hits`: of the edits that move the likeliest level, the share that is named.
    - `counterfactual_false_alarms`: the same of those that do not move it.
    - `counterfactual_mentions`: of all edits, the share that is named.
    - `counterfactual_impact`: mean impact.
    - `counterfactual_words`: mean length of the texts about edited pictures.

    Two controls: `other_picture`, where the text about the edited picture is exchanged for that of
    another picture with the same written level, so it tells what the level alone says; and
    `no_edit`, the mentions where nothing was done and the text was merely written again. Where a
    judge was asked as well, the figures by what it read, and of both
    `counterfactual_agreement`, the share of edits of which the two say the same.

    Args:
        edits: One row an edit: strength (0: none was made), impact in [0, 1], moved, mentioned,
            mentioned_elsewhere and judged (0 or 1; missing where a text is missing or no judge was
            asked), and words.
        resampling: How the rows are resampled.

    Returns:
        of, metric, value, low, high, n (edits the value rests on); no rows where there are none.
    """
    if edits.empty:
        return pd.DataFrame(columns=["of", *FIGURE_COLUMNS])
    made = edits[edits["strength"] > 0]
    tables: dict[str, Iterable[_Figure]] = {
        "": [*_of_mentions(made, "mentioned"), *_of_texts(made)],
        OTHER_PICTURE: _of_mentions(made, "mentioned_elsewhere"),
        NO_EDIT: [_mentions(edits[edits["strength"] == 0], "mentioned")],
    }
    if made["judged"].notna().any():
        both = _numbers(made, "mentioned", "judged")
        tables |= {
            JUDGE: _of_mentions(made, "judged"),
            f"lexicon/{JUDGE}": [("counterfactual_agreement", exact, both)],
        }
    return pd.concat(
        [resampling.table(figures).assign(of=of) for of, figures in tables.items()],
        ignore_index=True,
    )


def _of_mentions(made: pd.DataFrame, column: str) -> Iterator[_Figure]:
    yield "counterfactual", plcc, _numbers(made, "impact", column)
    yield "counterfactual_hits", _share_where, _numbers(made, "moved", column)
    unmoved = made.assign(unmoved=~made["moved"].astype(bool))
    yield "counterfactual_false_alarms", _share_where, _numbers(unmoved, "unmoved", column)
    yield _mentions(made, column)


def _mentions(edits: pd.DataFrame, column: str) -> _Figure:
    return "counterfactual_mentions", share, _numbers(edits, column)


def _of_texts(made: pd.DataFrame) -> Iterator[_Figure]:
    yield "counterfactual_impact", share, _numbers(made, "impact")
    yield "counterfactual_words", share, _numbers(made, "words")


def _numbers(edits: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return edits[list(columns)].astype("float64").dropna()


def _share_where(chosen: ArrayLike, flags: ArrayLike) -> NDArray[np.float64]:
    """Share of the flags among the rows chosen, shape (...); NaN where none is."""
    rows = np.asarray(chosen, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((rows * np.asarray(flags)).sum(axis=-1) / rows.sum(axis=-1))
