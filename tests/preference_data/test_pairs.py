import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from selfscore.preference_data.pairs import (
    PAIR_COLUMNS,
    consistency_pairs,
    join_sides,
    mixed_pairs,
    scoring_pairs,
)
from selfscore.vlm.response import parse_response


def both_sides(levels, texts):
    return pd.DataFrame(
        {
            "image_id": [str(i) for i in range(len(levels))],
            "path": [f"{i}.jpg" for i in range(len(levels))],
            "split": "train",
            "level_chosen": [true for true, _ in levels],
            "level_rejected": [wrong for _, wrong in levels],
            "explanation_chosen": [chosen for chosen, _ in texts],
            "explanation_rejected": [rejected for _, rejected in texts],
        }
    )


rows = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] != pair[1]),
        st.tuples(st.sampled_from(["A b c.", "D e f."]), st.sampled_from(["A b c.", "G h i."])),
    ),
    min_size=1,
    max_size=8,
)


@given(rows)
def test_scoring_pairs_differ_in_score_and_keep_each_text_with_its_score(rows):
    both = both_sides([level for level, _ in rows], [text for _, text in rows])
    pairs = scoring_pairs(both)
    assert list(pairs) == PAIR_COLUMNS
    for pair, row in zip(pairs.itertuples(), both.itertuples(), strict=True):
        chosen, rejected = parse_response(pair.chosen, 10), parse_response(pair.rejected, 10)
        assert (chosen.level, chosen.explanation) == (row.level_chosen, row.explanation_chosen)
        assert (rejected.level, rejected.explanation) == (
            row.level_rejected,
            row.explanation_rejected,
        )


@given(rows)
def test_consistency_pairs_differ_in_the_text_alone(rows):
    both = both_sides([level for level, _ in rows], [text for _, text in rows])
    pairs = consistency_pairs(both)
    assert len(pairs) == sum(chosen != rejected for _, (chosen, rejected) in rows)
    assert (pairs["chosen"] != pairs["rejected"]).all()
    assert (pairs["chosen_level"] == pairs["rejected_level"]).all()
    assert (pairs["rejected_text_level"] != pairs["chosen_level"]).all()
    for chosen, rejected in zip(pairs["chosen"], pairs["rejected"], strict=True):
        assert chosen.split("\n")[0] == rejected.split("\n")[0]


@given(rows)
def test_mixed_pairs_are_both_kinds(rows):
    both = both_sides([level for level, _ in rows], [text for _, text in rows])
    pairs = mixed_pairs(both)
    scoring = pairs["chosen_level"] != pairs["rejected_level"]
    for found, expected in (
        (pairs[scoring], scoring_pairs(both)),
        (pairs[~scoring], consistency_pairs(both)),
    ):
        assert found.to_dict("records") == expected.to_dict("records")


def test_an_image_with_one_dropped_text_makes_no_pair():
    generations = pd.DataFrame(
        {
            "image_id": ["a", "a", "b", "b"],
            "path": ["a.jpg", "a.jpg", "b.jpg", "b.jpg"],
            "split": "train",
            "side": ["chosen", "rejected"] * 2,
            "level": [1, 7, 2, 8],
            "explanation": ["One.", "Two.", "Three.", "Four."],
            "accepted": [True, True, True, False],
        }
    )
    joined = join_sides(generations)
    assert joined["image_id"].tolist() == ["a"]
    assert joined.loc[0, ["level_chosen", "level_rejected"]].tolist() == [1, 7]
