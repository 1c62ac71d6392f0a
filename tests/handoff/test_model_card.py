"""The figures on the card of a policy that is handed on."""

import math

import pandas as pd

from selfscore.handoff.model_card import _own


def test_each_figure_stands_beside_one_answer_for_all_images() -> None:
    columns = ["policy", "split", "group", "of", "metric", "value", "low", "high"]
    rows = [
        ["merged", "test", "all", "", "mae", 1.23, 1.1, 1.4],
        ["merged", "test", "all", "", "consistency", 0.9, 0.8, 0.95],
        ["any", "test", "all", "prior", "mae", 0.98, 0.9, 1.1],
        ["any", "validation", "all", "prior", "mae", 0.5, 0.4, 0.6],
    ]
    mae, consistency = _own(pd.DataFrame(rows, columns=columns), "policy_1")
    assert (mae["value"], mae["constant"]) == (1.23, 0.98)
    assert consistency["metric"] == "consistency" and math.isnan(consistency["constant"])
