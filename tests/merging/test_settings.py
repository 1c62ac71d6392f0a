import pytest

from selfscore.merging.settings import MergeSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"density": 0.0}, r"density\n.*greater than 0"),
        ({"method": "tiess"}, "method"),
        ({"density": 1.1}, "density"),
        ({"gamma": 1.0}, "gamma\n.*less than 1"),
        ({"epsilon": -0.1}, "epsilon"),
        ({"rank": 0}, "rank"),
        ({"weights": {"scoring": -1.0}}, r"weights\.scoring"),
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
    }
    MergeSettings(**values)
    with pytest.raises(ValueError, match=message):
        MergeSettings(**values | changes)
