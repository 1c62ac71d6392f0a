"""Cards of policies for tests: complete, with nothing in them that a test does not ask for."""

from pathlib import Path
from typing import Any

from selfscore.vlm.options import GenerationOptions, LoadOptions, Machine
from selfscore.vlm.policy import BaseModel, Card, LoraAdapter, Policy, ScoreScale
from selfscore.vlm.response import Prompts

SCALE = ScoreScale(
    levels=10,
    method="quantile",
    edges=[level + 0.5 for level in range(9)],
    values=[float(level) for level in range(10)],
    min=0.0,
    max=9.0,
    unit="points",
)
MACHINE = Machine(LoadOptions(), GenerationOptions("transformers", 256, 0.5))
PROMPTS = Prompts("Rate it.", "Why {level}?")
# What the demo's model has learnt to answer.
DEMO_PROMPTS = Prompts(
    "Rate the quality of this picture from 0 (worst) to 9 (best) and explain the score.",
    "This picture has the score {level}. Explain why it deserves this score.",
)


def card(base_model: str | Path, **changes: Any) -> Card:
    """Card of the base model in a folder, or what a test changes of it.

    Args:
        base_model: a folder or a name on the hub.
        changes: fields of the card; `processor`, `revision` and `views` are the base model's.
    """
    of_model = {"revision": None, "processor": {}, "views": 1}
    of_model |= {name: changes.pop(name) for name in of_model if name in changes}
    values = {"iteration": 0, "parent": None, "score_scale": SCALE, "prompts": PROMPTS}
    return Card(base_model=BaseModel(str(base_model), **of_model), **values | changes)


def policy_over(
    base_model: str | Path = "./no/such/model", adapter: LoraAdapter | None = None, **changes: Any
) -> Policy:
    """A policy over the base model in a folder, see `card`."""
    return Policy(card(base_model, **changes), adapter)
