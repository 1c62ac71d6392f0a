"""Project settings, see https://docs.kedro.org/en/stable/configure/."""

from __future__ import annotations

from selfscore.configuration.loader import LayoutConfigLoader, environment_variable
from selfscore.datasets.whole_files import write_whole_files
from selfscore.ending import EndingHooks
from selfscore.parameters import check, check_places
from selfscore.provenance.hook import ProvenanceHooks
from selfscore.provenance.missing import ProjectSession
from selfscore.quiet import quiet
from selfscore.registry.hook import RegistryHooks
from selfscore.tracking.hook import TrackingHooks

# These two change the whole process: known notices of libraries are not shown, and what any
# dataset writes on a local disk is there as a whole or not at all (fsspec's local file system is
# replaced by `WholeFiles`).
quiet()
write_whole_files()

# Ctrl-C and SIGTERM end a run as an error does, so hooks close what is open; and outputs count as
# missing that were made with something else than the run has.
SESSION_CLASS = ProjectSession

# Kedro calls the last of these first. So the lock is taken before anything else; and a run's
# manifest is done before the registry reads it, and the tracked run, which both write to, is closed
# after that. The last lines on the screen are the very last.
HOOKS = (EndingHooks(), TrackingHooks(), RegistryHooks(), ProvenanceHooks())
# `TrackingHooks` calls them, and goes on when the tracking server is away. Packages are named here
# as their releases write them.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-mlflow", "kedro_mlflow")

CONFIG_LOADER_CLASS = LayoutConfigLoader
CONFIG_LOADER_ARGS = {
    "check": check,
    "check_places": check_places,
    "base_env": "base",
    "default_run_env": "local",
    # An environment states only what differs: `conf/test` may set one key of a stage.
    "merge_strategy": {"parameters": "soft", "globals": "soft"},
    "custom_resolvers": {"variable": environment_variable},
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"]},
}
