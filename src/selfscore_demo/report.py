"""Measure the demo model: what it can do, and what it leaves to be learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from selfscore.judging.tfidf import TfidfJudge, fit_judge
from selfscore.metrics.faithfulness import Statement, StatementLexicon, faithfulness
from selfscore.vlm.options import Decoding
from selfscore.vlm.reading.features import ImageEncoder
from selfscore.vlm.response import Prompts, parse_response, response_prefix
from selfscore.vlm.writing.generation import Request, generate
from selfscore.vlm.writing.prediction import Prediction, predict_images
from selfscore_demo.questions import YES, draw_statements
from selfscore_demo.vision_pretraining import encode_images

if TYPE_CHECKING:
    from PIL import Image

    from selfscore.vlm.model import VLM

_TOKENS = 64
_BATCH = 64
_FORCED_PER_IMAGE = 3
#: How often each statement is asked, each time of two pictures.
_QUESTION_ROUNDS = 10
#: Levels of the scales, besides the demo's own, on which the answers' format is counted.
OTHER_SCALES = (5, 20, 100)


def measure(
    vlm: VLM,
    images: Mapping[str, Image.Image],
    table: pd.DataFrame,
    lexicon: list[dict[str, Any]],
    asked: Prompts,
    question: str,
    levels: int,
    seed: int,
) -> dict[str, Any]:
    """Measure a demo model.

    Args:
        vlm: The model.
        images: RGB pictures by image id.
        table: One row per picture: image_id, split, score and a column per attribute.
        lexicon: The statement lexicon.
        asked: The prompts, for any scale.
        question: Asks whether a statement is true; holds the placeholder ``{statement}``.
        levels: Number of levels of the demo's own scale.
        seed: Fixes the sampled texts and the forced levels.

    Returns:
        Figures on the test pictures, and ``examples``, a few texts.
    """
    test = table[table["split"] == "test"].reset_index(drop=True)
    train = table[table["split"] == "train"].reset_index(drop=True)
    keys = test["image_id"].tolist()
    encoder = ImageEncoder(vlm, images)
    prompts = asked.for_levels(levels)
    greedy = predict_images(encoder, keys, prompts, levels, Decoding(0.0, _TOKENS, _BATCH), seed)
    sampled = predict_images(encoder, keys, prompts, levels, Decoding(1.0, _TOKENS, _BATCH), seed)
    forced = _forced_texts(encoder, train["image_id"].tolist(), prompts, levels, seed)
    judge = fit_judge(
        forced["text"].tolist(),
        forced["level"].tolist(),
        forced["image_id"].tolist(),
        n_levels=levels,
    )
    statements = StatementLexicon(lexicon)
    facts = table.set_index("image_id")
    distribution = np.stack([row.probabilities for row in greedy])
    mean = distribution.mean(axis=0)
    return {
        "parameters_millions": sum(p.numel() for p in vlm.model.parameters()) / 1e6,
        "test_images": len(test),
        "srcc_expected": _correlation([row.expected_level for row in greedy], test["score"]),
        "srcc_most_likely": _correlation(distribution.argmax(axis=1), test["score"]),
        "valid_greedy": float(np.mean([row.valid for row in greedy])),
        "valid_sampled": float(np.mean([row.valid for row in sampled])),
        "valid_forced": float(forced["valid"].mean()),
        **{
            f"valid_of_{scale}_levels": _valid_share(encoder, keys, asked, scale, seed)
            for scale in OTHER_SCALES
        },
        "questions_answered_rightly": _answered_rightly(
            encoder, facts.loc[keys], lexicon, question, seed
        ),
        "levels_emitted_greedy": _counts(greedy, levels),
        "levels_emitted_sampled": _counts(sampled, levels),
        "entropy_of_mean_distribution": float(-(mean * np.log(mean + 1e-12)).sum()),
        "entropy_per_image": float(-(distribution * np.log(distribution + 1e-12)).sum(1).mean()),
        "judge_on_forced_texts": judge["held_out"]["srcc"],
        "consistency_greedy": _consistency(judge, greedy),
        "consistency_sampled": _consistency(judge, sampled),
        "faithfulness_greedy": _faithfulness(greedy, keys, facts, statements),
        "faithfulness_sampled": _faithfulness(sampled, keys, facts, statements),
        "faithfulness_forced": _mean_truth(
            zip(forced["text"], forced["image_id"], strict=True), facts, statements
        ),
        "srcc_ridge_on_features": _headroom(vlm, images, train, test),
        "tokens_per_answer": float(
            np.mean([len(vlm.tokenizer(row.response)["input_ids"]) for row in sampled])
        ),
        "examples": [row.response for row in [*greedy[:4], *sampled[:4]]]
        + forced["response"].head(6).tolist(),
    }


def _forced_texts(
    encoder: ImageEncoder, keys: Sequence[str], prompts: Prompts, levels: int, seed: int
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    drawn = [
        (key, int(n))
        for key in keys
        for n in rng.choice(levels, min(_FORCED_PER_IMAGE, levels), replace=False)
    ]
    requests = [
        Request(key, prompts.rating, response_prefix(level), seed=1000 + place)
        for place, (key, level) in enumerate(drawn)
    ]
    decoding = Decoding(1.0, _TOKENS, _BATCH)
    responses = generate(encoder, requests, decoding, description="forced scores")
    parsed = [parse_response(response.text, levels) for response in responses]
    return pd.DataFrame(
        {
            "image_id": [key for key, _ in drawn],
            "level": [level for _, level in drawn],
            "response": [response.text for response in responses],
            "text": [p.explanation if p else "" for p in parsed],
            "valid": [p is not None for p in parsed],
        }
    )


def _valid_share(
    encoder: ImageEncoder, keys: Sequence[str], asked: Prompts, levels: int, seed: int
) -> float:
    """Share of sampled answers that keep the format on a scale of so many levels."""
    rating = asked.for_levels(levels).rating
    requests = [Request(key, rating, seed=seed + place) for place, key in enumerate(keys)]
    answers = generate(encoder, requests, Decoding(1.0, _TOKENS, _BATCH), f"{levels} levels")
    return float(np.mean([parse_response(one.text, levels) is not None for one in answers]))


def _answered_rightly(
    encoder: ImageEncoder,
    facts: pd.DataFrame,
    lexicon: list[dict[str, Any]],
    question: str,
    seed: int,
) -> float:
    """Share of questions answered rightly; every statement is as often true as not, chance .5."""
    statements = [Statement(**entry) for entry in lexicon]
    known = [{str(name): value for name, value in row.items()} for row in facts.to_dict("records")]
    drawn = draw_statements(known, statements, _QUESTION_ROUNDS, np.random.default_rng(seed))
    pairs = [
        (Request(key, question.replace("{statement}", statement)), truth)
        for key, group in zip(facts.index, drawn, strict=True)
        for statement, truth in group
    ]
    answers = generate(encoder, [one for one, _ in pairs], Decoding(0.0, 4, _BATCH), "questions")
    right = [
        (one.text.strip() == YES) == truth for one, (_, truth) in zip(answers, pairs, strict=True)
    ]
    return float(np.mean(right))


def _consistency(judge: dict[str, Any], predictions: Sequence[Prediction]) -> float:
    valid = [row for row in predictions if row.valid]
    inferred = TfidfJudge(judge).infer_levels([row.explanation for row in valid])
    return _correlation(inferred, [row.emitted_level for row in valid])


def _faithfulness(
    predictions: Sequence[Prediction],
    keys: Sequence[str],
    facts: pd.DataFrame,
    statements: StatementLexicon,
) -> float:
    texts = [row.explanation for row in predictions]
    return _mean_truth(zip(texts, keys, strict=True), facts, statements)


def _mean_truth(texts: Any, facts: pd.DataFrame, statements: StatementLexicon) -> float:
    columns = [name for name in facts.columns if name not in ("image", "scene", "split")]
    shares = [faithfulness(text, dict(facts.loc[key, columns]), statements) for text, key in texts]
    known = [share for share in shares if share is not None]
    return float(np.mean(known)) if known else float("nan")


def _headroom(
    vlm: VLM, images: Mapping[str, Image.Image], train: pd.DataFrame, test: pd.DataFrame
) -> float:
    """Rank correlation on test pictures of a ridge regression on the frozen tower's features."""
    from sklearn.linear_model import RidgeCV

    side = vlm.model.config.vision_config.image_size

    def features(keys: pd.Series) -> np.ndarray:
        shrunk = [np.asarray(images[key].resize((side, side), 4)) for key in keys]
        return encode_images(vlm.model, np.stack(shrunk)).float().mean(dim=1).numpy()

    ridge = RidgeCV(np.logspace(-3, 3, 7)).fit(features(train["image_id"]), train["score"])
    return _correlation(ridge.predict(features(test["image_id"])), test["score"])


def _counts(predictions: Sequence[Prediction], levels: int) -> list[int]:
    emitted = [row.emitted_level for row in predictions if row.emitted_level is not None]
    return np.bincount(emitted, minlength=levels).tolist()


def _correlation(first: Any, second: Any) -> float:
    if len(np.unique(first)) < 2:
        return float("nan")
    return float(spearmanr(first, second).statistic)
