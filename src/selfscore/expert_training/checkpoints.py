"""A training's state after some steps, kept so that a run that was stopped goes on from there.

Knows the trainer's callbacks and the files that hold its state; does not know where the parts are
stored. All files are numbers or text: transformers reads those that torch wrote with
`weights_only`, which refuses a pickle of anything else.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

logger = logging.getLogger(__name__)

# Of what the trainer saves, what it reads again to go on; nothing else is ever written out.
FILES = (
    "adapter_model.safetensors",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
)
LATEST = "latest.json"
# What the trainer calls the folders that it saves to begins with this.
CHECKPOINT = "checkpoint-"


@dataclass(frozen=True)
class Latest:
    """The newest whole checkpoint.

    Attributes:
        step: it was made after this step, 1 …
        accumulation_steps: parts that the step went through the model in.
    """

    step: int
    accumulation_steps: int


class KeepCheckpoints(TrainerCallback):
    """Puts the training's state into `checkpoint` now and then; only the newest is kept.

    The part that names a checkpoint is put in when all its files are there, and the older one is
    removed after that: whenever the run is stopped, `checkpoint` has one that is whole.

    Args:
        checkpoint: part by name.
        every: steps from one checkpoint to the next. There is none after the last step: what a
            trainer that is given one does is another step.
        accumulation_steps: of this training.
    """

    def __init__(
        self, checkpoint: MutableMapping[str, bytes], every: int, accumulation_steps: int
    ) -> None:
        self._checkpoint = checkpoint
        self._every = every
        self._accumulation_steps = accumulation_steps

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask the trainer to save."""
        step = state.global_step
        control.should_save = step % self._every == 0 and step < state.max_steps

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Move what the trainer has saved into `checkpoint`."""
        latest = Latest(state.global_step, self._accumulation_steps)
        folder = Path(str(args.output_dir), _name(latest))
        for file in FILES:
            self._checkpoint[f"{folder.name}/{file}"] = (folder / file).read_bytes()
        self._checkpoint[LATEST] = json.dumps(asdict(latest)).encode()
        for part in list(self._checkpoint):
            if part.startswith(CHECKPOINT) and not part.startswith(f"{folder.name}/"):
                del self._checkpoint[part]
        shutil.rmtree(folder)


def latest_in(checkpoint: MutableMapping[str, bytes]) -> Latest | None:
    """What the newest checkpoint is, if there is one."""
    return Latest(**json.loads(checkpoint[LATEST])) if LATEST in checkpoint else None


def restore(checkpoint: MutableMapping[str, bytes], folder: Path) -> Path | None:
    """Write the newest checkpoint out for the trainer.

    Args:
        checkpoint: what `KeepCheckpoints` has put in.
        folder: in which the checkpoint gets a folder of its own.

    Returns:
        That folder; None where there is no checkpoint, or where a part of it is missing.
    """
    latest = latest_in(checkpoint)
    if latest is None:
        return None
    place = folder / _name(latest)
    place.mkdir()
    try:
        for file in FILES:
            (place / file).write_bytes(checkpoint[f"{place.name}/{file}"])
    except KeyError as part:
        logger.warning(
            "The training starts anew: of its checkpoint after step %d, %s is missing.",
            latest.step,
            part,
        )
        return None
    logger.info("The training goes on after step %d.", latest.step)
    return place


def _name(latest: Latest) -> str:
    """The folder that the trainer saves to."""
    return f"{CHECKPOINT}{latest.step}"
