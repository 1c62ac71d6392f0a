from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfscore.preference_data import grounding
from selfscore.preference_data.grounding import (
    different_partners,
    grounding_contrast_pairs,
    grounding_free_pairs,
    grounding_pairs,
)
from selfscore.vlm.response import parse_response

WORDS = ["sharp", "dark", "noisy", "flat", "vivid", "clean", "soft", "pale"]
BUILDERS = [grounding_pairs, grounding_contrast_pairs, grounding_free_pairs]


def texts_of(rows):
    """A table that fits every builder, of (level, words)."""
    table = pd.DataFrame(
        {
            "image_id": [str(place) for place in range(len(rows))],
            "path": [f"{place}.jpg" for place in range(len(rows))],
            "split": "train",
            "level": [level for level, _ in rows],
            "explanation": [f"It is {' and '.join(words)}." for _, words in rows],
        }
    )
    return table.assign(level_chosen=table["level"], explanation_chosen=table["explanation"])


rows = st.lists(
    st.tuples(
        st.integers(0, 2), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True)
    ),
    min_size=2,
    max_size=12,
)


@pytest.mark.parametrize("build", BUILDERS)
@settings(deadline=None)  # The first example imports scikit-learn.
@given(rows=rows, seed=st.integers(0, 50))
def test_pairs_hold_the_own_text_against_one_of_another_image_with_the_same_level(
    build, rows, seed
):
    texts = texts_of(rows).set_index("image_id")
    pairs = build(texts.reset_index(), seed)
    assert pairs["image_id"].is_unique
    for pair in pairs.itertuples():
        own = texts.loc[pair.image_id]
        chosen, rejected = parse_response(pair.chosen, 10), parse_response(pair.rejected, 10)
        assert chosen.level == rejected.level == own["level"] == pair.chosen_level
        assert chosen.explanation == own["explanation"] != rejected.explanation
        others = texts[(texts["level"] == own["level"]) & (texts.index != pair.image_id)]
        assert rejected.explanation in set(others["explanation"])


@pytest.mark.parametrize("build", BUILDERS)
def test_no_text_is_told_by_itself(build):
    """Each is chosen once and rejected once, so a policy that sees no picture learns nothing."""
    pairs = build(texts_of([(level, [word]) for level in (3, 7) for word in WORDS]), 1)
    assert len(pairs) == 2 * len(WORDS)
    assert sorted(pairs["chosen"]) == sorted(pairs["rejected"])


def test_different_partners_share_as_few_words_as_possible():
    texts = ["sharp clean vivid", "sharp clean pale", "dark noisy flat", "dark noisy soft"]
    words = [set(text.split()) for text in texts]

    def shared(partners):
        return sum(len(words[place] & words[other]) for place, other in enumerate(partners))

    partners = different_partners(texts, np.random.default_rng(0))
    assert shared(partners) == min(shared(order) for order in permutations(range(4))) == 0


def test_many_texts_are_matched_in_parts(monkeypatch):
    generator = np.random.default_rng(3)
    texts = [" ".join(generator.choice(WORDS, 3)) for _ in range(41)]
    # As long as all are matched together, nothing is drawn.
    assert (different_partners(texts, generator) == different_partners(texts, generator)).all()

    monkeypatch.setattr(grounding, "_TOGETHER", 10)
    partners = different_partners(texts, np.random.default_rng(0))
    assert sorted(partners) == list(range(41))
    assert not (partners == np.arange(41)).any()
    words = [set(text.split()) for text in texts]
    shared = np.mean([len(own & words[other]) for own, other in zip(words, partners, strict=True)])
    by_chance = np.mean([len(one & other) for one in words for other in words])
    assert shared < by_chance / 2


def test_an_image_alone_with_its_level_makes_no_pair():
    for build in BUILDERS:
        assert build(texts_of([(1, ["sharp"])]), 0).empty
        assert build(texts_of([]), 0).empty
