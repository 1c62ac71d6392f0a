import json

import pytest
from cards import card, policy_over

from selfscore.vlm.policy import Card

# As the first release wrote it, byte for byte but for the line breaks.
STORED = """{"base_model": {"id": "some/model", "processor": {"size": {"longest_edge": 1024}},
"revision": "abc"}, "energy_kept": 0.5, "iteration": 1, "merging": {"density": 0.5, "epsilon": 0.15,
"gamma": 0.01, "lambda": 1, "method": "ties", "rank": 64, "weights": {"scoring": 1.0}},
"parent": "e6c8", "prompts": {"justify": "Why {level}?", "rating": "Rate it.",
"version": "VERSION"}, "score_scale": {"edges": [3.067], "levels": 2, "max": 8.2,
"method": "quantile", "min": 1.067, "unit": "points", "values": [2.25, 5.4]}}"""


def stored() -> dict:
    version = card("base").prompts.version
    return json.loads(STORED.replace("VERSION", version))


def test_a_card_is_written_as_it_was_read():
    record = stored()
    again = Card.from_record(record).record()
    assert json.dumps(again, sort_keys=True) == json.dumps(record, sort_keys=True)


def test_the_base_models_card_says_nothing_of_merging_and_processor():
    record = card("some/model").record()
    assert record["base_model"] == {"id": "some/model", "revision": None}
    assert set(record) == {"base_model", "iteration", "parent", "score_scale", "prompts"}
    assert Card.from_record(record) == card("some/model")


def test_the_digest_is_that_of_the_first_release():
    expected = "d296737082ef603c6170df6a50cf6de0aab5c8dd0f7d093705329ff63ef56bc2"
    assert policy_over("some/model").digest == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score_scale": None}, "score_scale"),
        ({"iteration": "1"}, "iteration"),
        ({"base_modell": {}}, "base_modell"),
        ({"prompts": {"rating": "Rate!", "justify": "{level}", "version": "0"}}, "by hand"),
    ],
)
def test_a_card_that_is_none_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Card.from_record(stored() | changes)


@pytest.mark.parametrize("name", ["base_model", "score_scale", "prompts"])
def test_what_a_card_lacks_is_named(name):
    record = stored()
    del record[name]
    with pytest.raises(ValueError, match=f"no `{name}` in policy.json"):
        Card.from_record(record)
