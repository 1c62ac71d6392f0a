"""A report on something else than pictures as such has no word of photographs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from selfscore.configuration.domain import Domain


def test_a_report_on_tomatoes_speaks_of_tomatoes(
    report_on: Callable[..., dict[str, Any]],
) -> None:
    def of_tomatoes(table: pd.DataFrame, number: int) -> pd.DataFrame:
        return table.assign(
            explanation=table["explanation"].str.replace(r".* of scene", "Firm, day", regex=True)
        )

    made = report_on(
        {0: {"base": 2.0}, 1: {"scoring": 0.5, "merged": 0.4}},
        change=of_tomatoes,
        domain=Domain("tomato", "freshness", "rotten", "fresh"),
    )
    page = re.sub(r"(?s)<style>.*?</style>|<script>.*?</script>", "", made["report"])
    text = re.sub(r"<[^>]*>|\s+", " ", page)
    assert "Report of a run · freshness of the tomato, from rotten to fresh · scores in" in text
    found = re.findall(r"(?i)\w*(?:quality|aesthetic|photo|blur|sharp|nois|expos)\w*", text)
    assert not found
    assert "from worst to best" not in text
