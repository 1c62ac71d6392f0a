"""Whether explanations stay true of the pictures, by what was measured of it.

Where statements could be checked that decides; where not, what stands in for it: whether texts name
what was done to a picture. Knows figures; knows no picture and no text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from selfscore.metrics.catalog import metric
from selfscore.metrics.figures import NO_EDIT, OTHER_PICTURE, among
from selfscore.report.labels import BASE, MERGED, format_value
from selfscore.report.settings import ChampionSettings
from selfscore.report.tables import records

CHECKED = "faithfulness"


def why_unfaithful(figures: pd.DataFrame, split: str, number: int, rules: ChampionSettings) -> str:
    """Why a round's policy is less true of the pictures than the base model; "" if it is not.

    What stands in for checked statements rests on few pictures, so it speaks against a policy only
    where the whole interval of the policy's figure lies below what is allowed.

    Args:
        figures: of all rounds.
        split: which images.
        number: of the round.
        rules: how far below the base model's a figure may lie.
    """
    base, own = (_handed_on(figures, split, place) for place in (0, number))
    most = rules.max_faithfulness_loss
    if CHECKED in base and CHECKED in own:
        loss = base[CHECKED]["value"] - own[CHECKED]["value"]
        return f"its faithfulness is {loss:.3f} below the base model's" if loss > most else ""
    stand_ins = {"visual_fidelity": most, "counterfactual": rules.max_counterfactual_loss}
    for name, allowed in stand_ins.items():
        if allowed is None or name not in base or name not in own:
            continue
        if own[name]["high"] < base[name]["value"] - allowed:
            loss = base[name]["value"] - own[name]["value"]
            return f"its figure of '{name}' is clearly below the base model's, by {loss:.3f}"
    return ""


def truth_notes(figures: pd.DataFrame, split: str, number: int) -> Iterator[str]:
    """Sentences on how true the explanations are where no statement could be checked, and how not.

    Args:
        figures: of all rounds.
        split: the one that is reported.
        number: of the round that is looked at.
    """
    if among(figures, split=split, metric=CHECKED)["value"].isna().all():
        yield (
            "Whether the explanations are true of the pictures was not checked: that takes "
            "pictures of which something is known, as of the demo’s. A text can fit its score and "
            "be wrong, so read some beside their pictures, in the gallery."
        )
    yield from _named_edits(figures, number)
    yield from _affirmed(figures, split, number)


def _affirmed(figures: pd.DataFrame, split: str, number: int) -> Iterator[str]:
    """What the base model says of the texts, where it can tell, and that it cannot where not."""
    base, own = (_handed_on(figures, split, place) for place in (0, number))
    if "question_skill" not in base:
        return
    skill = _share(base["question_skill"]["value"])
    told = f"affirms {skill} of its own texts more of their picture than of another one (chance 50"
    if "visual_fidelity" not in own or "visual_fidelity" not in base:
        yield (
            f"Asked whether a text is true of its picture, the base model {told}\u00a0%): it "
            "cannot tell, so its answers are not used."
        )
        return
    elsewhere = among(
        figures, OTHER_PICTURE, split=split, round=number, policy=MERGED, metric="visual_fidelity"
    )["value"]
    yield (
        f"Asked about the picture, the base model affirms {_share(own['visual_fidelity']['value'])}"
        f" of what the texts claim, {_share(base['visual_fidelity']['value'])} of its own, and "
        f"{_share(float(elsewhere.mean()))} of the same claims about another picture; it {told}"
        "\u00a0%)."
    )


def _named_edits(figures: pd.DataFrame, number: int) -> Iterator[str]:
    """What the counterfactual test says of the policy, beside its controls."""
    own = among(figures, of=None, round=number, policy=MERGED)
    before = among(figures, round=0, policy=BASE, metric="counterfactual")["value"]
    found = {(row["of"], row["metric"]): row for row in records(own)}
    row = found.get(("", "counterfactual"))
    if row is None:
        return
    if pd.isna(row["value"]):
        yield "No text names a fault that was rendered on its picture, so that test tells nothing."
        return
    elsewhere = found.get((OTHER_PICTURE, "counterfactual"), {"value": float("nan")})["value"]
    again = found.get((NO_EDIT, "counterfactual_mentions"), {"value": float("nan")})["value"]
    hits, alarms = (
        found[("", f"counterfactual_{name}")]["value"] for name in ("hits", "false_alarms")
    )
    clear = "is clearly named more often" if row["low"] > 0 else "is not clearly named more often"
    yield (
        f"After a known fault was rendered on {row['split']} images, one that moves the score more "
        f"{clear} in the text: correlation {_interval(row)}"
        + (f", base model {before.iloc[0]:.2f}" if len(before) else "")
        + f", with the text of another picture of the same level {_number(elsewhere)}. Named were "
        f"{_share(hits)} of those that move the likeliest level and {_share(alarms)} of the "
        f"others; where nothing was done, {_share(again)}."
    )


def _handed_on(figures: pd.DataFrame, split: str, number: int) -> dict[str, dict[str, Any]]:
    """Metric → its row, of the policy that a round handed on."""
    rows = among(figures, split=split, round=number, policy=MERGED if number else BASE)
    return {row["metric"]: row for row in records(rows[rows["value"].notna()])}


def _interval(row: dict[str, Any]) -> str:
    return f"{_number(row['value'])} [{_number(row['low'])} to {_number(row['high'])}]"


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2f}".replace("-", "−")


def _share(value: float) -> str:
    return format_value(value, metric("counterfactual_hits").percent)
