"""Nodes of reporting: the tables of all rounds, each kind in one."""

from __future__ import annotations

from typing import Any

import pandas as pd


def stack_rounds(*tables: pd.DataFrame) -> pd.DataFrame:
    """Tables of one kind below each other.

    Args:
        tables: of the baseline, of round 1, of round 2, …

    Returns:
        All rows, with their round in the column `round`; 0 is the base model.
    """
    stacked = [table.assign(round=number) for number, table in enumerate(tables)]
    # A table without rows forgets what its columns hold.
    return pd.concat([table for table in stacked if len(table)] or stacked[:1], ignore_index=True)


def tabulate_merge_energy(*reports: dict[str, Any]) -> pd.DataFrame:
    """How much of each layer's merged update the stored rank keeps.

    Args:
        reports: `energy_kept_per_layer` of round 1, of round 2, …

    Returns:
        round, module, energy_kept in [0, 1].
    """
    return pd.DataFrame(
        [
            {"round": number, "module": module, "energy_kept": energy}
            for number, report in enumerate(reports, start=1)
            for module, energy in report["energy_kept_per_layer"].items()
        ]
    )
