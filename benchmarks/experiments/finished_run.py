"""A finished run as something to go on from: its artifacts and its settings, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.startup import bootstrap_project

from benchmarks.runs import PROJECT
from selfscore.configuration.layout import BASELINE, policy_name
from selfscore.pipelines.evaluation.settings import EvaluationSettings
from selfscore.provenance.project import open_project
from selfscore.vlm.image_features import StoredFeatures
from selfscore.vlm.images import ImageSource
from selfscore.vlm.options import Machine
from selfscore.vlm.policy import Policy


@dataclass(frozen=True)
class FinishedRun:
    """What a run left behind.

    Attributes:
        load: gives a dataset by its name.
        parameters: all of them, those of rounds filled in.
    """

    load: Callable[[str], Any]
    parameters: Mapping[str, Any]

    @classmethod
    def open(cls, configuration: Path) -> FinishedRun:
        """The run that was made with the environment `own` of this folder of configuration."""
        bootstrap_project(PROJECT)
        project = open_project(PROJECT, environment="own", conf_source=str(configuration))
        return cls(project.catalog.load, project.parameters)

    @property
    def seed(self) -> int:
        """Of the run."""
        return int(self.parameters["seed"])

    @property
    def evaluation(self) -> EvaluationSettings:
        """How its policies were measured."""
        return EvaluationSettings(**self.parameters["evaluation"])

    @property
    def machine(self) -> Machine:
        """Where its models were put into memory."""
        return Machine(**self.parameters["machine"])

    @property
    def base_policy(self) -> Policy:
        """The base model alone, with scale and prompts."""
        policy: Policy = self.load(policy_name(0))
        return policy

    @property
    def images(self) -> ImageSource:
        """Pictures by path."""
        images: ImageSource = self.load("raw_images")
        return images

    @property
    def features(self) -> StoredFeatures:
        """What the tower makes of them."""
        features: StoredFeatures = self.load(f"{BASELINE}.image_features")
        return features

    @property
    def scored_images(self) -> pd.DataFrame:
        """Images with split, group, score and level."""
        table: pd.DataFrame = self.load("scored_images")
        return table

    @property
    def generations(self) -> pd.DataFrame:
        """The base model's texts with forced levels."""
        table: pd.DataFrame = self.load(f"{BASELINE}.generations")
        return table
