"""What policies and metrics are called where people read of them.

Knows words and colours; knows no table.
"""

from __future__ import annotations

from typing import NamedTuple

BASE, MERGED = "base", "merged"


class Metric(NamedTuple):
    """How a metric is spoken of.

    Attributes:
        title: what it says, in a few words.
        axis: its name and unit, for an axis or a table.
        percent: it is a share, and written as one.
        lower_is_better: an error.
    """

    title: str
    axis: str
    percent: bool = False
    lower_is_better: bool = False


METRICS = {
    "srcc": Metric("Agreement with the raters", "rank correlation (SRCC)"),
    "srcc_emitted": Metric("Agreement of the written scores", "rank correlation (SRCC)"),
    "plcc": Metric("Linear agreement with the raters", "correlation (PLCC)"),
    "kendall": Metric("Pairs in the raters' order", "Kendall's tau"),
    "mae": Metric("Mean error of the scores", "mean error (MAE)", lower_is_better=True),
    "rmse": Metric("Root mean squared error", "unit of the scores (RMSE)", lower_is_better=True),
    "within_1": Metric("At most one level off", "share of images", percent=True),
    "exact": Metric("Exactly the true level", "share of images", percent=True),
    "format_valid": Metric("Answers in the format", "share of answers", percent=True),
    "consistency": Metric("Does the text fit the score?", "consistency (SRCC)"),
    "faithfulness": Metric("True of the picture", "share of statements", percent=True),
    "ece": Metric("Calibration error", "mean gap (ECE)", percent=True, lower_is_better=True),
    "rps": Metric("Error of the distribution", "ranked probability score", lower_is_better=True),
}
HEALTH = {
    "format_valid": Metric("Answers in the format", "share of answers", percent=True),
    "level_entropy": Metric("Evenness of the levels", "entropy, 1 = all alike"),
    "top_level_share": Metric("The favourite level", "share of answers", percent=True),
    "distinct_1": Metric("Different words", "per word", percent=True),
    "distinct_2": Metric("Different word pairs", "per word pair", percent=True),
    "repeated_trigrams": Metric("Repetition in a text", "share of word triples", percent=True),
    "generic": Metric("Stock explanations", "share of images", percent=True),
    "mean_words": Metric("Length of a text", "words"),
}
# Light and dark; Okabe and Ito's colours in light, told apart by colour-blind readers too.
PALETTE = {
    BASE: ("#6b6f76", "#a7abb3"),
    MERGED: ("#0072b2", "#58b4f0"),
    "scoring": ("#d55e00", "#ff9a57"),
    "consistency": ("#009e73", "#3fcf9f"),
    "other_1": ("#b8609a", "#e29cc8"),
    "other_2": ("#b98300", "#f2c14e"),
    "other_3": ("#3b8fbf", "#8ccdf0"),
    # Light to dark, for what comes in an order; from the sixth on they are alike.
    "round_1": ("#b5d3ea", "#2f5674"),
    "round_2": ("#7fb3da", "#4480ab"),
    "round_3": ("#4a90c4", "#62a6d8"),
    "round_4": ("#236fa6", "#8cc3ea"),
    "round_5": ("#0f4f80", "#b9dcf5"),
    "round_6": ("#06304f", "#e0f0fb"),
    "truth": ("#1c1d21", "#eceae5"),
    "limit": ("#a3271f", "#ff9d94"),
    "guide": ("#8a8d94", "#7d828b"),
}
_LABELS = {BASE: "base model", MERGED: "merged policy"}


def metric(name: str) -> Metric:
    """How a metric is spoken of; one without an entry by its own name."""
    return METRICS.get(name) or Metric(name.replace("_", " "), "")


def policy(name: str) -> str:
    """What a policy of a round is called."""
    return _LABELS.get(name, f"{name.replace('_', ' ')} expert")


def policy_of_round(number: int) -> str:
    """The policy that is handed on after a round, in words; 0 is the base model."""
    return _LABELS[BASE] if number == 0 else f"policy of round {number}"


def colours(policies: list[str]) -> dict[str, str]:
    """A key of the palette for each policy, the same whatever else is shown."""
    spare = iter([f"other_{1 + place % 3}" for place in range(len(policies))])
    return {name: name if name in PALETTE else next(spare) for name in policies}
