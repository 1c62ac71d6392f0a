"""Project settings, see https://docs.kedro.org/en/stable/configure/."""

from __future__ import annotations

from selfscore.config import RoundsConfigLoader, environment_variable
from selfscore.datasets.whole_files import write_whole_files
from selfscore.hooks import RoundsHooks, StageLogHooks, StepTimesHooks
from selfscore.provenance.checkpoint_hook import CheckpointHooks
from selfscore.provenance.hook import ManifestHooks
from selfscore.provenance.one_run_hook import OneRunHooks
from selfscore.provenance.own_versions_hook import OwnVersionsHooks
from selfscore.quiet import quiet
from selfscore.registry.hook import RegistryHooks
from selfscore.stopping import StoppableSession
from selfscore.tracking.hook import TrackingHooks

quiet()
write_whole_files()

SESSION_CLASS = StoppableSession

# Kedro calls hooks last in, first out.
HOOKS = (
    RoundsHooks(),
    StageLogHooks(),
    StepTimesHooks(),
    ManifestHooks(),
    CheckpointHooks(),
    OwnVersionsHooks(),
    OneRunHooks(),
    RegistryHooks(),
    TrackingHooks(),
)
# `TrackingHooks` calls them, and goes on when the tracking server is away. Packages are named here
# as their releases write them.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-mlflow", "kedro_mlflow")

CONFIG_LOADER_CLASS = RoundsConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment states only what differs: `conf/test` may set one key of a stage.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
    "custom_resolvers": {"variable": environment_variable},
    "config_patterns": {
        "mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"],
        "stages": ["stages*"],
    },
}
