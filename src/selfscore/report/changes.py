"""Node of reporting: what the champion changed, and whether that is more than luck.

A change for the better is called so only where it is a gain from the training scores: beyond what
one answer for all images gives, and of a figure that takes true scores to raise. The others are
told apart, because a run with shuffled labels would show them just as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from selfscore.metrics.accuracy import mean_absolute_error, share, within
from selfscore.metrics.calibration import ranked_probability_score
from selfscore.metrics.catalog import metric
from selfscore.metrics.constant_answer import ConstantAnswer
from selfscore.metrics.intervals import Interval
from selfscore.metrics.rank_correlation import plcc, srcc
from selfscore.metrics.resampling import Resampling, Statistic
from selfscore.report.labels import BASE, MERGED
from selfscore.report.settings import ReportingSettings


class Measured(NamedTuple):
    """How a figure is computed from the judgements.

    Attributes:
        statistic: of the columns.
        columns: of the judgements of one policy.
        constant: the columns that stand for them where one answer is given for all images; none
            where no answer for all puts images in order, and the figure is 0.
        of_labels: whether it takes true scores to raise it.
    """

    statistic: Statistic
    columns: tuple[str, ...]
    constant: tuple[str, ...] = ()
    of_labels: bool = True


# All but `format_valid` are of the images where both policies have a value.
MEASURED: Mapping[str, Measured] = {
    "srcc": Measured(srcc, ("expected_score", "score")),
    "plcc": Measured(plcc, ("expected_score", "score")),
    "mae": Measured(mean_absolute_error, ("expected_score", "score"), ("constant_score", "score")),
    "within_1": Measured(within, ("expected_level", "level"), ("constant_level", "level")),
    "rps": Measured(share, ("rps",), ("constant_rps",)),
    "consistency": Measured(srcc, ("inferred_level", "emitted_level"), of_labels=False),
    "faithfulness": Measured(share, ("faithfulness",), of_labels=False),
    "format_valid": Measured(share, ("valid",), of_labels=False),
}
COLUMNS = [
    "against",
    "metric",
    "before",
    "after",
    "change",
    "low",
    "high",
    "n",
    "drawn",
    "constant",
    "beyond",
    "verdict",
]
# Better; clearly moved, but no further than one answer for all images; clearly moved, as it may
# with shuffled labels too; worse; not clear.
BETTER, AS_CONSTANT, WITHOUT_LABELS, WORSE, UNCLEAR = VERDICTS = (
    "better",
    "as_constant",
    "without_labels",
    "worse",
    "unclear",
)
# Groups, or images, below which an interval is not to be trusted: a bootstrap of so few is too
# narrow (Cameron, Gelbach & Miller 2008, https://doi.org/10.1162/rest.90.3.414).
FEW = 10


def measure_changes(
    champion: dict[str, Any],
    judgements: pd.DataFrame,
    scored_images: pd.DataFrame,
    settings: ReportingSettings,
    seed: int,
) -> pd.DataFrame:
    """The champion against the base model, the round before it, and its round's experts.

    Both policies are measured on each resample of the same images (a paired bootstrap), so the luck
    of the images cancels. A change counts as one only if its interval excludes 0.

    Where the base model itself is the champion, the last round's policy stands in its place, so
    that one sees what was not taken.

    Args:
        champion: of which `round` counts.
        judgements: of all rounds.
        scored_images: of which the training images tell the best answer for all.
        settings: `split`, and how intervals are drawn.
        seed: of the resamples.

    Returns:
        against (`base`, `round_<k>`, or an expert's name), metric, before and after (on the images
        where both have a value), change with its interval low, high, n images, drawn (how many
        things the interval rests on: groups, or images), constant (what one answer for all images
        reaches on them), beyond (whether `after` is clearly better than that; both are missing for
        figures that take no true scores), and verdict, one of `VERDICTS`.
    """
    number = shown_round(champion, int(judgements["round"].max()))
    rows = with_constant(judgements[judgements["split"] == settings.split], scored_images)
    after = rows[(rows["round"] == number) & (rows["policy"] == MERGED)]
    found = [
        _change(name, before, after, settings, seed) | {"against": against, "metric": name}
        for against, before in _opponents(rows, number)
        for name in MEASURED
    ]
    table = pd.DataFrame(found, columns=COLUMNS)
    return table[table["n"] > 0].reset_index(drop=True)


def shown_round(champion: dict[str, Any], rounds: int) -> int:
    """The round whose policy the report looks at: the champion's, or the last if it is the base."""
    return int(champion["round"]) or rounds


def with_constant(judgements: pd.DataFrame, scored_images: pd.DataFrame) -> pd.DataFrame:
    """Judgements with their ranked probability scores, and with the answer that is one for all."""
    if judgements.empty:
        return judgements.assign(rps=[], constant_rps=[], constant_score=[], constant_level=[])
    probabilities = np.stack(judgements["probabilities"].to_list())
    training = scored_images[scored_images["split"] == "train"]
    answer = ConstantAnswer.learnt_from(training, probabilities.shape[1])
    return judgements.assign(
        rps=ranked_probability_score(probabilities, judgements["level"]),
        constant_rps=answer.rps(judgements["level"]),
        constant_score=answer.score,
        constant_level=answer.within_1,
    )


def paired_change(
    name: str, before: pd.DataFrame, after: pd.DataFrame, settings: ReportingSettings, seed: int
) -> tuple[Interval, pd.DataFrame, Resampling]:
    """The difference of a figure between two policies, on the images where both have a value.

    Args:
        name: of the figure, one of `MEASURED`.
        before: judgements of one policy, see `with_constant`.
        after: of the other.
        settings: how intervals are drawn.
        seed: of the resamples.

    Returns:
        The difference after - before; the judgements of both, columns `…_before` and `…_after`; and
        how these are resampled.
    """
    statistic, columns = MEASURED[name].statistic, MEASURED[name].columns
    both = before.merge(after, on="image_id", suffixes=("_before", "_after"), validate="1:1")
    used = [f"{column}{side}" for side in ("_before", "_after") for column in columns]
    numbers = both[used].astype("float64").dropna()
    draws = settings.resampling(both["group_after"], seed).among(numbers.index)

    def difference(*values: NDArray[np.float64]) -> NDArray[np.float64]:
        width = len(columns)
        return np.asarray(statistic(*values[width:]) - statistic(*values[:width]))

    interval = draws.interval(difference, *(numbers[column].to_numpy() for column in used))
    return interval, both.loc[numbers.index], draws


def _opponents(rows: pd.DataFrame, number: int) -> Iterator[tuple[str, pd.DataFrame]]:
    yield BASE, rows[rows["round"] == 0]
    if number > 1:
        before = rows[(rows["round"] == number - 1) & (rows["policy"] == MERGED)]
        yield f"round_{number - 1}", before
    for expert, own in rows[rows["round"] == number].groupby("policy", sort=False):
        if expert != MERGED:
            yield str(expert), own


def _change(
    name: str,
    before: pd.DataFrame,
    after: pd.DataFrame,
    settings: ReportingSettings,
    seed: int,
) -> dict[str, Any]:
    change, both, draws = paired_change(name, before, after, settings, seed)
    measured, sign = MEASURED[name], -1 if metric(name).lower_is_better else 1

    def figure(side: str, columns: tuple[str, ...]) -> float:
        numbers = (both[f"{column}{side}"].to_numpy(dtype="float64") for column in columns)
        return float(measured.statistic(*numbers))

    found: dict[str, Any] = {"constant": float("nan"), "beyond": None}
    if measured.of_labels:
        beyond = _beyond_constant(measured, both, draws)
        found["constant"] = figure("_after", measured.constant) if measured.constant else 0.0
        found["beyond"] = _clearly(beyond, sign)
    return found | {
        "before": figure("_before", measured.columns),
        "after": figure("_after", measured.columns),
        "change": change.value,
        "low": change.low,
        "high": change.high,
        "n": change.n,
        "drawn": draws.drawn(change.n),
        "verdict": _verdict(change, sign, found["beyond"]),
    }


def _verdict(change: Interval, sign: int, beyond: bool | None) -> str:
    if _clearly(change, -sign):
        return WORSE
    if not _clearly(change, sign):
        return UNCLEAR
    return WITHOUT_LABELS if beyond is None else BETTER if beyond else AS_CONSTANT


def _clearly(interval: Interval, sign: int) -> bool:
    """Whether all of it lies above 0, or below for a sign of -1."""
    return bool(interval.low > 0 if sign > 0 else interval.high < 0)


def _beyond_constant(measured: Measured, both: pd.DataFrame, draws: Resampling) -> Interval:
    """How far a figure lies from that of one answer for all images, which for an order is 0."""
    statistic, columns, constant, _ = measured
    used = [f"{column}_after" for column in (*columns, *constant)]

    def difference(*values: NDArray[np.float64]) -> NDArray[np.float64]:
        own = statistic(*values[: len(columns)])
        return np.asarray(own - statistic(*values[len(columns) :]) if constant else own)

    return draws.interval(difference, *(both[column].to_numpy(dtype="float64") for column in used))
