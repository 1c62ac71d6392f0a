"""The last step of a training is logged, whatever its number, so that the log says how many."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class LogLastStep(TrainerCallback):
    """Asks the trainer to log its last step, which need not be one of every few."""

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask for it."""
        control.should_log = control.should_log or state.global_step >= state.max_steps
