"""The judges that a run asks for, by name.

Knows how each judge is made from what a run has; knows nothing of what they read.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from selfscore.judging.judge import Judge
from selfscore.judging.settings import JudgingSettings
from selfscore.vlm.options import Machine

if TYPE_CHECKING:
    from selfscore.vlm.policy import Policy


def make_judges(
    settings: JudgingSettings,
    *,
    n_levels: int,
    tfidf_state: dict[str, Any],
    base_policy: Policy,
    rating: str,
    verdicts: MutableMapping[str, dict[str, Any]],
    machine: Machine,
    checkpoint: MutableMapping[str, bytes] | None = None,
) -> list[Judge]:
    """Make the judges named; only those are loaded.

    Args:
        settings: Who is asked, and how.
        n_levels: Number of levels of the scale.
        tfidf_state: From `fit_judge`.
        base_policy: The base model alone, the policy before the first round.
        rating: The prompt that asks for a score and its explanation.
        verdicts: Where the hosted judge keeps its verdicts.
        machine: Where the judge `self` is put into memory.
        checkpoint: What the judge `self` has read already, see `in_batches`.

    Returns:
        One judge a name, in their order.

    Raises:
        ValueError: The base policy has an adapter, or a judge lacks what it needs.
    """

    def tfidf() -> Judge:
        from selfscore.judging.tfidf import TfidfJudge

        return TfidfJudge(tfidf_state)

    def frozen_model() -> Judge:
        from selfscore.judging.frozen_model import FrozenModelJudge
        from selfscore.vlm.loading.elsewhere import load_for

        if base_policy.adapter is not None:
            raise ValueError(
                "The judge 'self' must be the base model as it was before the first round, but "
                "the policy given has an adapter: give it `policy_0`."
            )
        vlm = load_for(machine, base_policy)
        return FrozenModelJudge(
            vlm, rating, n_levels, checkpoint=checkpoint, **asdict(settings.self)
        )

    def hosted() -> Judge:
        from selfscore.judging.openai_judge import OpenAIJudge

        return OpenAIJudge(
            n_levels=n_levels,
            verdicts=verdicts,
            domain=base_policy.card.domain,
            **asdict(settings.openai),
        )

    makers: dict[str, Callable[[], Judge]] = {
        "tfidf": tfidf,
        "self": frozen_model,
        "openai": hosted,
    }
    return [makers[name]() for name in settings.judges]
