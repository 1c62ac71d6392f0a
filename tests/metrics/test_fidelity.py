import numpy as np
import pandas as pd
import pytest

from selfscore.metrics.fidelity import fidelity_figures, told_from_another
from selfscore.metrics.figures import OTHER_PICTURE
from selfscore.metrics.resampling import Resampling

DRAWS = Resampling(200, 0.95, 0)


def test_a_reader_that_says_the_same_of_any_picture_tells_none() -> None:
    random = np.random.default_rng(0)
    own, elsewhere = random.uniform(size=(2, 500))
    assert abs(told_from_another(own, elsewhere).mean() - 0.5) < 0.1
    assert told_from_another(own + 1, elsewhere).mean() == 1
    np.testing.assert_array_equal(
        told_from_another([0.9, np.nan, 0.2], [0.9, 0.1, 0.3]), [0.5, np.nan, 0]
    )


def test_only_what_was_measured_has_figures() -> None:
    read = pd.DataFrame(
        {
            "affirmed": [0.8, 0.6, np.nan],
            "affirmed_elsewhere": [0.2, 0.6, np.nan],
            "told": [1.0, 0.5, np.nan],
            "separation": [0.5, 0.7, 0.9],
        }
    )
    found = fidelity_figures(read, DRAWS).set_index(["of", "metric"])
    assert found["value"].to_dict() == pytest.approx(
        {
            ("", "visual_fidelity"): 0.7,
            ("", "question_skill"): 0.75,
            ("", "contrastiveness"): 0.7,
            (OTHER_PICTURE, "visual_fidelity"): 0.4,
        }
    )
    assert found["n"].tolist() == [2, 2, 2, 3]
    unasked = read.assign(affirmed=np.nan, affirmed_elsewhere=np.nan, told=np.nan)
    assert set(fidelity_figures(unasked, DRAWS)["metric"]) == {"contrastiveness"}
