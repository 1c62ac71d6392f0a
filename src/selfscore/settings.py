"""Project settings, see https://docs.kedro.org/en/stable/configure/."""

from __future__ import annotations

from selfscore.config import RoundsConfigLoader
from selfscore.hooks import IterationRunsHooks, RoundsHooks, StageLogHooks, StepTimesHooks
from selfscore.lineage.checkpoint_hook import CheckpointHooks
from selfscore.lineage.hook import ManifestHooks
from selfscore.quiet import quiet

quiet()

# Kedro calls hooks last in, first out; kedro-mlflow's own, registered after these, comes first.
HOOKS = (
    RoundsHooks(),
    IterationRunsHooks(),
    StageLogHooks(),
    StepTimesHooks(),
    ManifestHooks(),
    CheckpointHooks(),
)

CONFIG_LOADER_CLASS = RoundsConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment states only what differs: `conf/test` may set one key of a stage.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
    "config_patterns": {
        "mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"],
        "stages": ["stages*"],
    },
}
