"""What a run is configured to do, as far as it decides what the run costs.

Read from conf/base and a recipe, so that a changed default changes the page. For how many cycles
the expert of levels is trained, the images of a run decide, so that is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from benchmarks.runs import PROJECT
from benchmarks.scale import assumptions

_CONF = PROJECT / "conf"


@dataclass(frozen=True)
class Training:
    """One expert's training.

    Attributes:
        epochs: passes over the rows.
        batch_size: rows a step.
        parts: in which a step's rows go through the model.
        passes: through the layers a step, as many forward passes' worth.
        checkpoint_steps: steps from one checkpoint to the next.
        held: whether the policy before reads what both answers of a pair begin with.
    """

    epochs: float
    batch_size: int
    parts: int
    passes: int
    checkpoint_steps: int
    held: bool


@dataclass(frozen=True)
class Recipe:
    """A run.

    Attributes:
        rounds: of the method.
        trained: share of the images that is trained on.
        evaluated: share that policies are asked about.
        kept_bytes: room for image features.
        encoding: images a batch of the tower.
        writing: texts a batch, forced levels.
        weighing: images a batch of the reference.
        asking: images a batch of an evaluated policy.
        level: training on levels.
        text_every: every so many of its steps has texts.
        pairs: training on pairs, by expert.
    """

    rounds: int
    trained: float
    evaluated: float
    kept_bytes: float
    encoding: int
    writing: int
    weighing: int
    asking: int
    level: Training
    text_every: int
    pairs: dict[str, Training]


def read(name: str) -> Recipe:
    """The recipe of a model: the defaults, and what conf/recipes changes of them."""
    conf = OmegaConf.merge(
        *(_load(file) for file in sorted(_CONF.glob("base/**/parameters.yml"))),
        _load(_CONF / "recipes" / name / "parameters.yml"),
    )
    share = conf.ingestion.validation_share + conf.ingestion.test_share
    pairs = {
        expert: _training({**conf.dpo_training, **conf.dpo_training.experts.get(expert, {})})
        for expert in conf.experts
        if expert != "level"
    }
    epochs = conf.level_training.epochs * assumptions.read()[0].level_cycles
    return Recipe(
        rounds=conf.rounds,
        trained=1 - share,
        evaluated=share,
        kept_bytes=conf.image_features.max_gb * 1e9,
        encoding=conf.image_features.batch_size,
        writing=conf.data_generation.decoding.batch_size,
        weighing=conf.preference_building.batch_size,
        asking=conf.evaluation.decoding.batch_size,
        level=_training({**conf.level_training, "epochs": epochs}),
        text_every=conf.level_training.text_every,
        pairs=pairs,
    )


def _load(file: Path) -> DictConfig:
    loaded = OmegaConf.load(file)
    assert isinstance(loaded, DictConfig)
    return loaded


def _training(section: Any) -> Training:
    return Training(
        epochs=section["epochs"],
        batch_size=section["batch_size"],
        parts=section["accumulation_steps"],
        # LoRA's backward pass goes through every layer once, for the gradient of what came in.
        passes=3 if section["gradient_checkpointing"] else 2,
        checkpoint_steps=section["checkpoint_steps"],
        held=section.get("score_weight", 0) > 0,
    )
