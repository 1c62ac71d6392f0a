"""Node of reporting: which policy to use. Chosen on validation images, and on nothing else."""

from __future__ import annotations

import logging
import math
from typing import Any

import pandas as pd

from selfscore.configuration.layout import policy_name
from selfscore.metrics.catalog import HEADLINE, metric
from selfscore.metrics.figures import among
from selfscore.report.changes import MEASURED, paired_change, with_constant
from selfscore.report.labels import BASE, MERGED, format_value
from selfscore.report.settings import ChampionSettings, ReportingSettings
from selfscore.report.tables import records
from selfscore.report.truth import why_unfaithful
from selfscore.vlm.policy import Policy

logger = logging.getLogger(__name__)

# Never the images that the result is reported on.
CHOSEN_ON = "validation"


def choose_champion(
    figures: pd.DataFrame,
    judgements: pd.DataFrame,
    scored_images: pd.DataFrame,
    settings: ReportingSettings,
    base_policy: Policy,
    seed: int,
    **merge_reports: dict[str, Any],
) -> dict[str, Any]:
    """The best of the base model and the policies that the rounds handed on.

    A round's policy may win if enough of its answers keep the response format and if it is not much
    less faithful than the base model (see `why_unfaithful`), which itself is always a candidate.
    Of equally good ones the earlier wins.

    Args:
        figures: of all rounds.
        judgements: of all rounds, which tell whether the best is clearly so.
        scored_images: the images, see `measure_changes`.
        settings: of which `champion` counts, and how intervals are drawn.
        base_policy: `policy_0`, which has no tensors to load.
        seed: of the resamples.
        merge_reports: `policy_1` to `policy_N` → the report of the merge that made it, of which
            `digest` counts.

    Returns:
        policy (its name), round, digest, metric, chosen_on, value; candidates: for each policy its
        figures on the validation images and why it could not win ("" if it could); images (how many
        validation images there are); tied_with: the candidates that could win and are not clearly
        behind the champion on these images; and figures: split → metric → value of the champion,
        for all splits.

    Raises:
        ValueError: the metric was not measured on validation images, or an earlier release made
            the champion's round.
    """
    rules = settings.champion
    name = rules.metric
    by_split = _by_split(figures)
    seen = by_split.get(CHOSEN_ON, {})
    if not any(name in row for row in seen.values()):
        raise ValueError(
            f"The champion is chosen by '{name}' on the {CHOSEN_ON} split, and that was not "
            f"measured: add '{CHOSEN_ON}' to `evaluation.splits`, and choose "
            f"`reporting.champion.metric` from {sorted(among(figures)['metric'].unique())}."
        )
    sign = -1.0 if metric(name).lower_is_better else 1.0
    # One whose figure is not defined loses to every other.
    worth = {number: sign * row.get(name, -sign * math.inf) for number, row in seen.items()}
    excluded = {number: _why_not(seen, figures, number, rules) for number in seen}
    best = max((number for number in seen if not excluded[number]), key=worth.__getitem__)
    logger.info(
        "The champion is policy_%d: %s %.3f on the %s images.",
        best,
        name,
        seen[best].get(name, math.nan),
        CHOSEN_ON,
    )
    chosen = policy_name(best)
    on_validation = with_constant(judgements[judgements["split"] == CHOSEN_ON], scored_images)
    handed_on = on_validation[on_validation["policy"].isin([BASE, MERGED])]
    of_round = dict(iter(handed_on.groupby("round")))
    return {
        "policy": chosen,
        "round": best,
        "digest": _digest(chosen, merge_reports[chosen]) if best else base_policy.digest,
        "metric": name,
        "chosen_on": CHOSEN_ON,
        "value": seen[best].get(name, math.nan),
        "candidates": {
            policy_name(number): {"figures": _shown(row, name), "excluded": excluded[number]}
            for number, row in seen.items()
        },
        "images": int(on_validation["image_id"].nunique()),
        "tied_with": [
            policy_name(number)
            for number in seen
            if number != best
            and not excluded[number]
            and _is_tied(name, of_round[number], of_round[best], settings, seed)
        ],
        "figures": {split: _shown(rows[best], name) for split, rows in by_split.items()},
    }


def _is_tied(
    name: str, other: pd.DataFrame, best: pd.DataFrame, settings: ReportingSettings, seed: int
) -> bool:
    """Whether a policy may be as good as the best; of figures that are no comparison, no."""
    if name not in MEASURED:
        return False
    change, *_ = paired_change(name, other, best, settings, seed)
    return not (change.low > 0 or change.high < 0)


def _digest(policy: str, merge_report: dict[str, Any]) -> str:
    if "digest" not in merge_report:
        raise ValueError(
            f"The `merge_report` of {policy} does not say its digest: an earlier release made it. "
            "Run the stage merging again, and what follows it (CHANGELOG.md says how)."
        )
    return str(merge_report["digest"])


def _by_split(figures: pd.DataFrame) -> dict[str, dict[int, dict[str, float]]]:
    """Split → round → metric → value of the policy that the round handed on."""
    rows = among(figures)
    rows = rows[rows["policy"].isin([BASE, MERGED]) & rows["value"].notna()]
    found: dict[str, dict[int, dict[str, float]]] = {}
    for row in records(rows.sort_values("round", kind="stable")):
        of_round = found.setdefault(row["split"], {}).setdefault(int(row["round"]), {})
        of_round[row["metric"]] = float(row["value"])
    return found


def _why_not(
    seen: dict[int, dict[str, float]],
    figures: pd.DataFrame,
    number: int,
    rules: ChampionSettings,
) -> str:
    """Why a round's policy cannot win; "" if it can, as the base model always can."""
    if number == 0:
        return ""
    valid, asked = seen[number]["format_valid"], rules.min_format_valid
    if valid < asked:
        return (
            f"only {format_value(valid, percent=True)} of its answers keep the response format, "
            f"{format_value(asked, percent=True)} are asked"
        )
    return why_unfaithful(figures, CHOSEN_ON, number, rules)


def _shown(row: dict[str, float], chosen_by: str) -> dict[str, float]:
    return {name: row[name] for name in dict.fromkeys([chosen_by, *HEADLINE]) if name in row}
