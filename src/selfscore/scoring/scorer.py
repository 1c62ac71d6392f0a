"""A policy that scores images: the one piece of code behind command, web page, pipeline and API.

Knows policies and pictures; knows no command line, catalog or web.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from PIL import Image

from selfscore import __version__
from selfscore.datasets.pixels import UnreadableImageError
from selfscore.scoring.pictures import Picture, pictures
from selfscore.scoring.results import Origin, ScoredImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from selfscore.vlm.batches import Engine
    from selfscore.vlm.model import VLM
    from selfscore.vlm.policy import Policy
    from selfscore.vlm.writing.grammar import ExplanationGrammar
    from selfscore.vlm.writing.prediction import Prediction


class Scorer:
    """Scores and explains images with one policy, loaded once.

    Args:
        policy: the policy.
        name: what the results call it.
        base_model: where its base model is, when it is no longer where `policy.json` says.
        batch_size: images that are in memory, and go through the model, together; fewer where
            memory runs out. It does not change what is said of them.
        max_new_tokens: length at which an explanation is cut off.
        load: puts the policy into memory; None is `load_vlm` as it is.

    Raises:
        FileNotFoundError: its base model is not there.
    """

    def __init__(
        self,
        policy: Policy,
        name: str,
        base_model: str | None = None,
        batch_size: int = 16,
        max_new_tokens: int = 80,
        load: Callable[[Policy], VLM] | None = None,
    ) -> None:
        # Only here, because torch takes seconds to import.
        from selfscore.vlm.batches import ShrinkingBatch
        from selfscore.vlm.loading.loader import load_vlm
        from selfscore.vlm.options import Decoding

        scale = policy.card.score_scale
        self.origin = Origin(
            policy=name,
            digest=policy.digest,
            model=policy.base_model,
            revision=policy.card.base_model.revision,
            version=__version__,
            unit=scale.unit,
            values=tuple(scale.values),
        )
        self._prompts = policy.card.prompts
        # Greedy: the same image is always told the same.
        self._decoding = Decoding(0.0, max_new_tokens, batch_size)
        self._room = ShrinkingBatch("batch_size")
        try:
            self._vlm = (load or load_vlm)(_with_base_model(policy, base_model))
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"The base model of the policy '{name}' is not there. {error} For a policy that "
                "was moved, say where its base model is: `base_model` in Python, --base-model on "
                "the command line."
            ) from error

    @classmethod
    def load(cls, folder: str | Path, **options: Any) -> Self:
        """A scorer with the policy in a folder; a versioned one gives its newest version.

        Args:
            folder: holds `policy.json`, or versions of such a folder.
            options: `base_model`, `batch_size`, `max_new_tokens`, `load`, see the class.

        Raises:
            FileNotFoundError: there is no complete policy in the folder, or no base model.
        """
        from selfscore.scoring.policies import read_policy

        found = read_policy(folder)
        return cls(found.policy, found.name, **{"base_model": found.base_model, **options})

    @property
    def engine(self) -> Engine | None:
        """What computes batches with it, see `in_batches`."""
        return self._vlm.engine

    @cached_property
    def _grammar(self) -> ExplanationGrammar:
        """Made at the first explanation: it reads the whole vocabulary."""
        from selfscore.vlm.writing.grammar import explanation_grammar

        return explanation_grammar(self._vlm)

    def score(
        self, images: Sequence[Path | str | Image.Image], explain: bool = True
    ) -> list[ScoredImage]:
        """Score images: files by their path, or images of Pillow.

        What cannot be read has an `error` in its place, and the others are scored.

        Args:
            images: the images, in any number; they are read batch by batch.
            explain: whether to write explanations, which takes most of the time.

        Returns:
            One result an image, in their order.
        """
        return list(self.score_each(pictures(images), explain))

    def score_each(self, images: Iterable[Picture], explain: bool = True) -> Iterator[ScoredImage]:
        """`score`, one result after the other; at most one batch of images is in memory.

        Raises:
            MemoryError: an image does not fit into memory on its own.
        """
        waiting = iter(images)
        while batch := list(islice(waiting, self._decoding.batch_size)):
            score = partial(self._score_batch, explain=explain)
            yield from self._room.fit(score, batch, lambda picture: picture.name)

    def _score_batch(self, batch: Sequence[Picture], explain: bool) -> list[ScoredImage]:
        opened: dict[str, Image.Image] = {}
        errors: dict[str, str] = {}
        for place, picture in enumerate(batch):
            try:
                opened[str(place)] = picture.open()
            except UnreadableImageError as error:
                errors[str(place)] = error.reason
        found = self._predict_all(opened, explain, errors) if opened else {}
        return [
            ScoredImage(picture.name, self.origin, error=errors[str(place)])
            if str(place) in errors
            else self._result(picture.name, *found[str(place)])
            for place, picture in enumerate(batch)
        ]

    def _predict_all(
        self, images: dict[str, Image.Image], explain: bool, errors: dict[str, str]
    ) -> dict[str, tuple[NDArray[np.float64], Prediction | None]]:
        """Predictions of the images that the model takes; why not of the others is put in `errors`.

        Some processors refuse pictures by their shape, such as 1000 x 3 pixels, and with one
        picture the whole batch. Halving it finds the one.
        """
        try:
            return self._predict(images, explain)
        except ValueError as error:
            if len(images) == 1:
                reason = str(error).partition("\n")[0]
                errors.update(dict.fromkeys(images, f"the model does not take it ({reason})"))
                return {}
        keys = list(images)
        halves = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        parts = [
            self._predict_all({key: images[key] for key in half}, explain, errors)
            for half in halves
        ]
        return parts[0] | parts[1]

    def _predict(
        self, images: dict[str, Image.Image], explain: bool
    ) -> dict[str, tuple[NDArray[np.float64], Prediction | None]]:
        from selfscore.vlm.reading.features import ImageEncoder
        from selfscore.vlm.writing.prediction import batch_probabilities, predict_batch

        encoder, keys, levels = (
            ImageEncoder(self._vlm, images),
            list(images),
            len(self.origin.values),
        )
        if not explain:
            rows = batch_probabilities(encoder, keys, self._prompts.rating, levels)
            return {key: (row, None) for key, row in zip(keys, rows, strict=True)}
        # Greedy texts need no seed.
        answers = predict_batch(
            encoder, keys, self._prompts, levels, self._decoding, seed=0, grammar=self._grammar
        )
        return {key: (row.probabilities, row) for key, row in zip(keys, answers, strict=True)}

    def _result(
        self, name: str, probabilities: NDArray[np.float64], answer: Prediction | None
    ) -> ScoredImage:
        return ScoredImage(
            name,
            self.origin,
            score=float(probabilities @ self.origin.values),
            level=int(probabilities.argmax()),
            probabilities=tuple(probabilities.tolist()),
            explanation=None if answer is None else answer.explanation,
        )


def _with_base_model(policy: Policy, place: str | None) -> Policy:
    """The policy with its base model at another place; card and adapter both name it."""
    if place is None:
        return policy
    card = replace(policy.card, base_model=replace(policy.card.base_model, id=place))
    if policy.adapter is None:
        return replace(policy, card=card)
    config = {**policy.adapter.config, "base_model_name_or_path": place}
    return replace(policy, card=card, adapter=replace(policy.adapter, config=config))
