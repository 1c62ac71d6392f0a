"""A check of the first step: policy and reference are the same function before it.

Knows TRL's metrics; knows no packed rows and no pair.
"""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class StartCheck(TrainerCallback):
    """Stops a training whose policy is not its reference before the first step has changed it.

    The adapter adds nothing then, so every answer is as likely as the reference finds it, the
    margin is 0 and the sigmoid loss ln 2.

    Args:
        beta: of the run: rewards are beta times the difference.
        tolerance: difference that rounding may make, in nats an answer.
    """

    def __init__(self, beta: float, tolerance: float) -> None:
        self._beta = beta
        self._tolerance = tolerance

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Look at the rewards of the first step.

        Raises:
            ValueError: policy and reference differ.
        """
        if state.global_step > 1 or not logs or "rewards/chosen" not in logs:
            return
        rewards = (logs["rewards/chosen"], logs["rewards/rejected"])
        difference = max(map(abs, rewards)) / self._beta
        if difference > self._tolerance:
            raise ValueError(
                f"Before its first step the policy differs from its reference by {difference:.2g} "
                f"nats an answer, where rounding makes at most {self._tolerance:.2g}: the answers "
                "were weighed with another model, or the model computes something at random. Run "
                "the stage preference_building again with the model that is trained; if that does "
                "not help, choose a model of an architecture that docs/models.md lists."
            )
