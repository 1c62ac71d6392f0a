"""What speed is measured on: pairs of the shape's own answer length over generated pictures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.performance.shapes import Shape, model_folder, pictures
from benchmarks.performance.steps import Job
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.loading.loader import load_vlm
from selfscore.vlm.model import VLM
from selfscore.vlm.policy import BaseModel, Card, Policy, ScoreScale
from selfscore.vlm.reading.features import ImageEncoder, compute_features
from selfscore.vlm.reading.log_probabilities import answer_log_probabilities
from selfscore.vlm.response import Prompts, write_response

INSTRUCTION = "Rate the quality of this picture from 0 (worst) to 9 (best) and explain the score."
LEVELS = 10
_LEVELS = [float(level) for level in range(LEVELS)]
_SCALE = ScoreScale(
    LEVELS, "integer", [level + 0.5 for level in _LEVELS[:-1]], _LEVELS, 0.0, 9.0, ""
)
_SENTENCE = "The picture is sharp and the colours are strong. It is a good picture. "
_OTHER = "It is blurred and dark, and there is much noise in it. "


def base_of(model: Path | str) -> Policy:
    """The base model in a folder, or of a name, as a policy."""
    return Policy(
        Card(
            base_model=BaseModel(str(model), None, {}, 1),
            iteration=0,
            parent=None,
            score_scale=_SCALE,
            prompts=Prompts(INSTRUCTION, "{level}"),
        )
    )


def make_job(shape: Shape, work: Path, count: int, prepared: bool = True) -> Job:
    """A job for a model that is made in a folder on first use.

    Args:
        shape: of the model.
        work: where models with random weights are kept.
        count: number of pictures, and of pairs.
        prepared: whether features and reference are computed; the stock way needs neither.
    """
    policy = base_of(model_folder(shape, work))
    return job_of(load_vlm(policy), policy, shape, work, count, prepared)


def job_of(
    vlm: VLM, policy: Policy, shape: Shape, folder: Path, count: int, prepared: bool = True
) -> Job:
    """A job for a model in memory, see `make_job`; `folder` is for the trainers' own files."""
    images = pictures(count, shape.side)
    texts = [_text(vlm, sentence, shape.answer_tokens) for sentence in (_SENTENCE, _OTHER)]
    pairs = pd.DataFrame(
        {
            "path": list(images),
            "chosen": [write_response(n % 5, texts[0]) for n in range(count)],
            "rejected": [write_response(5 + n % 5, texts[1]) for n in range(count)],
        }
    )
    keys = list(images)
    found = zip(keys, compute_features(vlm, images, keys), strict=True) if prepared else ()
    features = StoredFeatures(vlm.base_model, dict(found), vlm.content)
    if prepared:
        weights = answer_log_probabilities(
            ImageEncoder(vlm, images, features),
            keys,
            pairs[["chosen", "rejected"]].to_numpy().tolist(),
            INSTRUCTION,
            batch_size=8,
        )
        pairs["ref_chosen_logps"] = [row[0] for row in weights]
        pairs["ref_rejected_logps"] = [row[1] for row in weights]
    return Job(policy, images, pairs, INSTRUCTION, LEVELS, features, folder)


def _text(vlm: VLM, sentence: str, tokens: int) -> str:
    text = sentence
    while len(vlm.tokenizer(text)["input_ids"]) < tokens:
        text += sentence
    ids = vlm.tokenizer(text)["input_ids"][:tokens]
    return str(vlm.tokenizer.decode(ids)).strip()
