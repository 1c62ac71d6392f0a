import numpy as np
import pandas as pd

from selfscore.tracking.figures import curves


def test_a_short_log_is_drawn_as_it_is():
    log = pd.DataFrame({"step": [1, 5, 10], "loss": [3.0, 2.0, 1.0], "note": ["a", "b", "c"]})
    assert [(one.key, one.step, one.value) for one in curves(log)] == [
        ("loss", 1, 3.0),
        ("loss", 5, 2.0),
        ("loss", 10, 1.0),
    ]


def test_a_long_log_is_drawn_by_points_spread_over_it():
    steps = np.arange(0, 5 * 22_500, 5)
    log = pd.DataFrame({"step": steps, "loss": steps / 7})
    drawn = curves(log)
    assert len(drawn) == 1000
    assert (drawn[0].step, drawn[-1].step) == (0, steps[-1])
    assert all(one.value == one.step / 7 for one in drawn)
    assert max(np.diff([one.step for one in drawn])) <= 120
