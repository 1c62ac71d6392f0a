import numpy as np

from selfscore.judging.discrimination import told_apart


def test_right_wrong_and_tied_readings() -> None:
    told = told_apart(["a", "b", "c", "a", "b", "c"], [8, 1, 4, 1, 8, 4], [9, 9, 9, 0, 0, 0])
    assert told.to_dict() == {"a": 1.0, "b": 0.0, "c": 0.5}


def test_the_order_of_the_rows_does_not_matter() -> None:
    images, inferred, levels = ["a", "a", "b", "b"], [8, 1, 2, 6], [9, 0, 3, 5]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        told = told_apart(
            [images[row] for row in order],
            [inferred[row] for row in order],
            [levels[row] for row in order],
        )
        assert told.to_dict() == {"a": 1.0, "b": 1.0}


def test_only_two_judged_texts_of_different_levels_count() -> None:
    told = told_apart(
        ["one text", "equal", "equal", "three", "three", "three", "silent", "silent", "ok", "ok"],
        [8, 8, 1, 1, 2, 3, np.nan, 4, 1, 2],
        [9, 5, 5, 1, 2, 3, 1, 9, 1, 2],
    )
    assert told.to_dict() == {"ok": 1.0}
    assert told_apart([], [], []).empty


def test_a_judge_that_guesses_is_at_chance() -> None:
    readings = np.random.default_rng(0).normal(size=8000)
    images = [str(row // 2) for row in range(8000)]
    assert abs(told_apart(images, readings, np.tile([0, 9], 4000)).mean() - 0.5) < 0.03
