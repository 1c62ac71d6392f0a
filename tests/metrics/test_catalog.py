from selfscore.metrics import catalog
from selfscore.metrics.health import _FAILURES


def test_everything_that_is_shown_has_words() -> None:
    shown = {*catalog.HEADLINE, *catalog.ON_CARD, *catalog.LOGGED, *catalog.HEALTH}
    assert shown <= set(catalog.METRICS)


def test_every_figure_with_a_limit_is_shown_as_health() -> None:
    assert {name.partition("_")[2] for name in _FAILURES} == set(catalog.HEALTH)


def test_directions_of_limits_and_of_words_agree() -> None:
    for name in _FAILURES:
        side, _, figure = name.partition("_")
        if figure != "mean_words":
            assert catalog.METRICS[figure].lower_is_better == (side == "max")


def test_a_metric_without_words_goes_by_its_own_name() -> None:
    assert catalog.metric("distance_to_moon").short == "distance to moon"
