"""An offline judge: TF-IDF and ridge regression from explanation texts to score levels.

It never sees a picture, a stated score or a true score of what it judges. It is fitted on texts
that the base model wrote for forced scores, where the level of each text is known for free, and
stays frozen for all rounds. Its state is plain numbers and words, stored as JSON.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import normalize

from selfscore.judging.discrimination import told_apart
from selfscore.judging.judge import without_score_words

DEFAULT_ALPHAS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
NGRAMS = (1, 2)
TOKEN_PATTERN = r"(?u)\b\w+\b"
JUDGE_KIND = "tfidf-ridge"


def fit_judge(
    texts: Sequence[str],
    levels: Sequence[int] | NDArray[np.int64],
    image_ids: Sequence[str] | None = None,
    *,
    n_levels: int = 10,
    alphas: Sequence[float] = DEFAULT_ALPHAS,
    folds: int = 5,
    min_texts_per_term: int = 2,
    seed: int = 0,
) -> dict[str, Any]:
    """Fit a judge and measure, on held-out texts, how well it reads levels.

    Args:
        texts: Explanations written for known levels.
        levels: Level of each text, 0..n_levels-1.
        image_ids: Image of each text; texts of one image are held out together. Each text on its
            own if None.
        n_levels: Number of levels of the scale.
        alphas: Ridge penalties to choose from, by cross-validated rank correlation.
        folds: Number of cross-validation folds, at least 2; fewer if there are fewer images.
        min_texts_per_term: Words and word pairs in fewer texts than this are not used.
        seed: Seed of the folds.

    Returns:
        JSON-able state for `TfidfJudge`: `terms` (word or word pair -> column), `idf` and
        `coefficients` per column, `intercept`, `n_levels`, the `alpha` chosen, and `held_out` with
        `srcc`, `mae` (levels) and `within_1` of the inferred against the forced levels, and, where
        images have two texts, `discrimination`, the mean of `told_apart`.

    Raises:
        ValueError: If texts, levels and image ids differ in number, a level is outside the scale,
            fewer than two images or levels are given, or the texts share no words.
    """
    stated = np.asarray(levels, dtype=np.int64)
    if len(texts) != len(stated) or (image_ids is not None and len(image_ids) != len(texts)):
        raise ValueError(
            f"the judge needs one level and one image id per text, got {len(texts)} texts, "
            f"{len(stated)} levels" + ("" if image_ids is None else f", {len(image_ids)} image ids")
        )
    images = np.arange(len(texts)) if image_ids is None else np.asarray(image_ids)
    n_images, n_different = len(np.unique(images)), len(np.unique(stated))
    if n_images < 2 or n_different < 2:
        raise ValueError(
            f"the judge needs texts of at least 2 images and 2 different levels, got {n_images} "
            f"images and {n_different} levels: generate more explanations for it"
        )
    if stated.min() < 0 or stated.max() >= n_levels:
        raise ValueError(
            f"levels for the judge must lie in 0..{n_levels - 1}, got "
            f"{stated.min()}..{stated.max()}: fit it with the n_levels the texts were written for"
        )

    read = [without_score_words(text) for text in texts]
    splitter = GroupKFold(min(folds, n_images), shuffle=True, random_state=seed)
    inferred = np.zeros((len(alphas), len(read)))
    for train, test in splitter.split(read, groups=images):
        vectorizer = _fit_vectorizer([read[row] for row in train], min_texts_per_term)
        seen = vectorizer.transform([read[row] for row in train])
        unseen = vectorizer.transform([read[row] for row in test])
        for position, alpha in enumerate(alphas):
            model = Ridge(alpha=alpha).fit(seen, stated[train])
            inferred[position, test] = np.clip(model.predict(unseen), 0, n_levels - 1)
    skill = [_rank_correlation(row, stated) for row in inferred]
    best = int(np.argmax(skill))
    distance = np.abs(inferred[best] - stated)

    vectorizer = _fit_vectorizer(read, min_texts_per_term)
    model = Ridge(alpha=alphas[best]).fit(vectorizer.transform(read), stated)
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    return {
        "kind": JUDGE_KIND,
        "n_levels": n_levels,
        "n_texts": len(texts),
        "alpha": float(alphas[best]),
        "held_out": {
            "srcc": skill[best],
            "mae": float(distance.mean()),
            "within_1": float((distance <= 1).mean()),
            **_discrimination(images, inferred[best], stated),
        },
        "intercept": float(model.intercept_),
        "terms": {term: column for column, term in enumerate(terms)},
        "idf": [float(weight) for weight in vectorizer.idf_],
        "coefficients": [float(weight) for weight in model.coef_],
    }


@dataclass(frozen=True)
class TfidfJudge:
    """The embedded judge: reads a level off words and word pairs.

    Attributes:
        state: From `fit_judge`, also after a round trip through JSON.
    """

    state: dict[str, Any] = field(repr=False)
    name = "tfidf"

    def __post_init__(self) -> None:
        if self.state.get("kind") != JUDGE_KIND:
            raise ValueError(
                f"a judge of kind {JUDGE_KIND!r} is needed, got {self.state.get('kind')!r}: "
                "fit the consistency judge again"
            )

    def infer_levels(self, explanations: Sequence[str]) -> NDArray[np.float64]:
        """The level of each explanation, not rounded, never NaN; see `Judge`.

        A text without any known word gets the mean level of the texts the judge was fitted on.
        """
        if len(explanations) == 0:
            return np.zeros(0)
        counter = CountVectorizer(
            vocabulary=self.state["terms"], ngram_range=NGRAMS, token_pattern=TOKEN_PATTERN
        )
        counts: csr_matrix = counter.transform([without_score_words(text) for text in explanations])
        weighted = normalize(counts.astype(np.float64) @ diags(np.asarray(self.state["idf"])))
        levels = weighted @ np.asarray(self.state["coefficients"]) + self.state["intercept"]
        return np.clip(np.asarray(levels, dtype=np.float64), 0.0, self.state["n_levels"] - 1.0)


def _rank_correlation(inferred: NDArray[np.float64], stated: NDArray[np.int64]) -> float:
    """Spearman's correlation; 0 for a judge that infers one level for every text."""
    if np.ptp(inferred) == 0:
        return 0.0
    return float(spearmanr(inferred, stated).statistic)


def _discrimination(
    images: NDArray[Any], inferred: NDArray[np.float64], stated: NDArray[np.int64]
) -> dict[str, float]:
    """Counterfactual discrimination over the images with exactly two texts, if there are any."""
    told = told_apart(images.tolist(), inferred, stated)
    return {} if told.empty else {"discrimination": float(told.mean())}


def _fit_vectorizer(texts: Sequence[str], min_texts_per_term: int) -> TfidfVectorizer:
    vectorizer = TfidfVectorizer(
        ngram_range=NGRAMS, token_pattern=TOKEN_PATTERN, min_df=min_texts_per_term
    )
    try:
        return vectorizer.fit(texts)
    except ValueError as error:
        raise ValueError(
            f"the judge found no word that occurs in {min_texts_per_term} of its {len(texts)} "
            "texts: check that the model writes explanations at all"
        ) from error
