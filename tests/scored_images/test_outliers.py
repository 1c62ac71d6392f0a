from __future__ import annotations

import pandas as pd
import pytest

from selfscore.scored_images.outliers import outliers

STARS = [1 + place % 5 for place in range(50)]
FAULTS = [0.0] * 80 + [1.5, 2, 3.1, 4, 4.2, 5]


@pytest.mark.parametrize(
    ("scores", "far"),
    [
        ([*STARS, 50], [50]),
        ([*STARS, -999, -999], [-999, -999]),
        (STARS, []),
        ([*STARS, 9], []),
        (FAULTS, []),
        ([*FAULTS, 999], [999]),
        ([4.0] * 9, []),
        ([1.0], []),
    ],
)
def test_slips_lie_far_from_all_others(scores: list[float], far: list[float]) -> None:
    assert outliers(pd.Series(scores, dtype=float)).tolist() == far
