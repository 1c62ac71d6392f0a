import pytest
import stage_settings


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
        ({"lambda": "automatic"}, "lambda"),
        ({"lambda": float("nan")}, "lambda"),
        ({"strength": {"candidates": []}}, r"strength\.candidates"),
        ({"strength": {"candidates": [1.0, 0.0]}}, r"strength\.candidates"),
    ],
)
def test_settings_out_of_range_are_named(changes, message):
    stage_settings.merging()
    assert stage_settings.merging(**{"lambda": "auto"}).lambda_ == "auto"
    with pytest.raises(ValueError, match=message):
        stage_settings.merging(**changes)
