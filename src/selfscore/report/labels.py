"""What policies are called where people read of them; what metrics are, says `metrics.catalog`.

Knows words and colours; knows no table.
"""

from __future__ import annotations

import math

BASE, MERGED = "base", "merged"


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
# What charts are drawn in beside it; style.css has the same names for light and for dark.
INK = {"ink": "#1c1d21", "soft": "#5d6068", "grid": "#e7e5df", "card": "#ffffff"}
_LABELS = {BASE: "base model", MERGED: "merged policy"}


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


def format_value(value: float, percent: bool = False, digits: int = 3) -> str:
    """A value for people: as per cent, or with as many digits as it needs."""
    if math.isnan(value):
        return "–"
    if percent:
        return f"{100 * value:.1f}\u00a0%"
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:.0f}"
