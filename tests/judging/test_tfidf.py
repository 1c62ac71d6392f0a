import json

import numpy as np
import pytest

from selfscore.judging.judge import without_score_words
from selfscore.judging.tfidf import TfidfJudge, fit_judge
from selfscore.metrics.rank_correlation import srcc

WORDS = {
    0: "terrible", 1: "awful", 2: "bad", 3: "poor", 4: "weak",
    5: "fair", 6: "decent", 7: "good", 8: "great", 9: "superb",
}  # fmt: skip
SUBJECTS = ["sky", "house", "street", "face", "tree"]


def corpus(n: int, seed: int = 0, noise: float = 0.1) -> tuple[list[str], np.ndarray]:
    """Texts that carry their level in one word, sometimes a neighbour's word."""
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 10, n)
    heard = np.where(generator.random(n) < noise, np.clip(levels + 1, 0, 9), levels)
    texts = [
        f"The {generator.choice(SUBJECTS)} is {WORDS[level]} and the {generator.choice(SUBJECTS)} "
        "is in the picture."
        for level in heard
    ]
    return texts, levels


def test_reads_the_level_of_unseen_texts() -> None:
    judge = fit_judge(*corpus(400))
    assert TfidfJudge(judge).name == "tfidf"
    texts, levels = corpus(200, seed=1)
    inferred = TfidfJudge(judge).infer_levels(texts)
    assert srcc(inferred, levels) > 0.95
    assert np.abs(inferred - levels).mean() < 0.6
    assert judge["held_out"]["srcc"] > 0.95


def test_held_out_skill_is_honest_on_texts_that_carry_nothing() -> None:
    texts, levels = corpus(300)
    shuffled = np.random.default_rng(0).permutation(levels)
    assert abs(fit_judge(texts, shuffled)["held_out"]["srcc"]) < 0.2


def test_texts_of_one_image_are_held_out_together() -> None:
    # A word of the image's own tells its level to whoever saw the other texts of the image.
    generator = np.random.default_rng(0)
    level_of = generator.integers(0, 10, 60)
    image_ids = [f"image {image}" for image in range(60) for _ in range(4)]
    texts = [
        f"I see thing{chr(97 + i // 26)}{chr(97 + i % 26)}." for i in range(60) for _ in "four"
    ]
    levels = np.repeat(level_of, 4)
    assert fit_judge(texts, levels)["held_out"]["srcc"] > 0.8
    assert fit_judge(texts, levels, image_ids)["held_out"]["srcc"] < 0.3


def test_discrimination_is_measured_where_images_have_two_texts() -> None:
    texts, levels = corpus(300, noise=0.0)
    image_ids = [f"image {row // 2}" for row in range(300)]
    assert fit_judge(texts, levels, image_ids)["held_out"]["discrimination"] > 0.95
    # The order of the rows does not matter, as they are matched by image.
    shuffled = np.random.default_rng(1).permutation(300)
    again = fit_judge(
        [texts[i] for i in shuffled], levels[shuffled], [image_ids[i] for i in shuffled]
    )
    assert again["held_out"]["discrimination"] > 0.95
    wrong = fit_judge(texts, np.random.default_rng(0).permutation(levels), image_ids)
    assert abs(wrong["held_out"]["discrimination"] - 0.5) < 0.15
    assert "discrimination" not in fit_judge(texts, levels)["held_out"]


def test_state_survives_json() -> None:
    texts, levels = corpus(100)
    judge = fit_judge(texts, levels)
    restored = json.loads(json.dumps(judge))
    np.testing.assert_array_equal(
        TfidfJudge(restored).infer_levels(texts), TfidfJudge(judge).infer_levels(texts)
    )


def test_agrees_with_the_fitted_sklearn_pipeline() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    texts, levels = corpus(150)
    read = [without_score_words(text) for text in texts]
    judge = fit_judge(texts, levels, alphas=[0.3])
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", min_df=2),
        Ridge(alpha=0.3),
    ).fit(read, levels)
    expected = np.clip(pipeline.predict(read), 0, 9)
    np.testing.assert_allclose(TfidfJudge(judge).infer_levels(texts), expected, atol=1e-9)


def test_a_written_score_is_not_read() -> None:
    texts, levels = corpus(200)
    judge = fit_judge(texts, levels)
    plain = TfidfJudge(judge).infer_levels(["The sky is good."])
    leaking = TfidfJudge(judge).infer_levels(["The sky is good. Score: 0, scored zero."])
    np.testing.assert_allclose(leaking, plain)


def test_levels_stay_on_the_scale_and_unknown_words_get_the_mean() -> None:
    texts, levels = corpus(200)
    judge = fit_judge(texts, levels)
    inferred = TfidfJudge(judge).infer_levels(["superb superb", "terrible terrible", "xyzzy", ""])
    assert inferred.min() >= 0 and inferred.max() <= 9
    assert inferred[2] == inferred[3] == pytest.approx(judge["intercept"])
    assert TfidfJudge(judge).infer_levels([]).shape == (0,)


def test_same_texts_give_the_same_judge() -> None:
    assert fit_judge(*corpus(100)) == fit_judge(*corpus(100))


def test_bad_material_is_refused() -> None:
    with pytest.raises(ValueError, match="got 2 texts, 1 levels"):
        fit_judge(["a", "b"], [1])
    with pytest.raises(ValueError, match="1 levels: generate more"):
        fit_judge(["a good sky", "a good tree"], [3, 3])
    with pytest.raises(ValueError, match=r"must lie in 0\.\.4, got 1\.\.9"):
        fit_judge(["a good sky", "a good tree"], [1, 9], n_levels=5)
    with pytest.raises(ValueError, match="no word that occurs in 2"):
        fit_judge(["", "7", "score", "!"], [1, 2, 3, 4])
    with pytest.raises(ValueError, match="fit the consistency judge again"):
        TfidfJudge({"kind": "other"}).infer_levels(["a"])
