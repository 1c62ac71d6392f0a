"""One quiet progress bar for a training run, with rate, time left, loss and accuracy.

Knows the trainer's callbacks; the trainer's own bar prints a line of raw metrics at every log.
"""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from selfscore.running.bar import Bar


class TrainingProgress(TrainerCallback):
    """A bar over the steps of `Trainer.train`, from where it starts; to be closed.

    Args:
        accuracy: the column of the training log that is shown as the accuracy.
    """

    def __init__(self, accuracy: str) -> None:
        self._accuracy = accuracy
        self._bar: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open the bar, at the step that a checkpoint was made after if there is one."""
        self._bar = Bar(
            total=state.max_steps, initial=state.global_step, desc="training", unit=" steps"
        )

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Move the bar to the step that is done."""
        self._bar.update(state.global_step - self._bar.n)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show the latest loss and accuracy."""
        if logs and "loss" in logs:
            self._bar.set_postfix(
                loss=f"{logs['loss']:.3f}", accuracy=f"{logs[self._accuracy]:.2f}"
            )

    def close(self) -> None:
        """Leave the bar's line, so that what is said next has its own."""
        if self._bar is not None:
            self._bar.close()
