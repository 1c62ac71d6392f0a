import pytest

from selfscore.merging.settings import MergeSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"density": 0.0}, r"`merging.density` must lie in \(0, 1\], got 0.0"),
        ({"density": 1.1}, "density"),
        ({"gamma": 1.0}, r"`merging.gamma` must lie in \[0, 1\), got 1.0"),
        ({"epsilon": -0.1}, "`merging.epsilon` must not be negative"),
        ({"rank": 0}, "`merging.rank` must be at least 1"),
        ({"weights": {"scoring": -1.0}}, "weight of 'scoring' in `merging.weights`"),
    ],
)
def test_settings_out_of_range_are_named(changes, message):
    values = {
        "method": "ties",
        "weights": {"scoring": 1.0},
        "lambda_": 1.0,
        "rank": 4,
        "density": 0.5,
        "gamma": 0.01,
        "epsilon": 0.15,
        "seed": 0,
    }
    MergeSettings(**values)
    with pytest.raises(ValueError, match=message):
        MergeSettings(**values | changes)
