"""Keeps notices of third-party libraries that no reader can act on off the screen."""

from __future__ import annotations

import importlib
import logging
import os
import warnings

import click

from selfscore.running.own_source import prefer_own_source

# Patterns of the messages' beginnings, and why each can go.
_HARMLESS = (
    # mlflow, while kedro-mlflow defines a model class of its own.
    r".*Add type hints to the `predict` method",
    # Kedro registers its resolvers the way that omegaconf 2.4 is about to rename.
    r"register_new_resolver\(\) is deprecated",
    # The report reads the metrics of every round, and those names have a dot.
    r"One or more dataset names contain '\.'",
    # kedro-viz, about the class that its server answers with.
    r"ORJSONResponse is deprecated",
    # transformers renames an option that TRL and PEFT still set by its old name.
    r".*gradient_checkpointing` is deprecated",
    # Data loaders pin memory for a GPU, and say so on every machine without one.
    r".*pin_memory.*",
)
# Read by the libraries when they are imported; what the user has set stays. A run of this project
# reports to nobody.
_VARIABLES = {
    "DO_NOT_TRACK": "true",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # kedro-viz serves from a process of its own, which has no filters but these.
    "PYTHONWARNINGS": "ignore:ORJSONResponse is deprecated",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}
# Where kedro-viz warns of previews and of the run's events.
_LINEAGE_LOGGERS = (
    "kedro_viz.models.flowchart.node_metadata",
    "kedro_viz.api.rest.responses.run_events",
)


def quiet() -> None:
    """Silence what is known to be harmless; everything else is still shown.

    Kedro's command line calls this before it knows the project and loads its plugins (entry point
    `kedro.init`), so the project's own source takes over here; and the settings call it for
    sessions that are made elsewhere. kedro-mlflow's notice passes every
    filter, because mlflow sets one of its own before it; so the plugin, which every session
    imports, is imported here, and what it says is sorted out.
    """
    prefer_own_source()
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings(record=True) as notices:
        importlib.import_module("kedro_mlflow.framework.hooks.mlflow_hook")
    for message in _HARMLESS:
        warnings.filterwarnings("ignore", message=message)
    for notice in notices:
        warnings.warn_explicit(notice.message, notice.category, notice.filename, notice.lineno)
    for name in _LINEAGE_LOGGERS:
        logging.getLogger(name).addFilter(_is_of_something_made)
    logging.getLogger("kedro.io.core").addFilter(_is_of_no_contract)
    # It looks for its words in the exception under way, and with click 8.5 there is none any more.
    importlib.import_module(
        "kedro.framework.cli.utils"
    ).KedroCliError.show = click.ClickException.show


def _is_of_no_contract(record: logging.LogRecord) -> bool:
    """Whether a notice of Kedro is of something else than that it describes a dataset's type.

    `kedro catalog describe-datasets` makes each dataset that has a contract without it, and says so
    each time. In a run the catalog keeps contracts.
    """
    return not (" attribute removed from" in str(record.msg) and record.args == ("validator",))


def _is_of_something_made(record: logging.LogRecord) -> bool:
    """Whether a notice of kedro-viz is of more than that no run has made something yet.

    A preview that fails for another reason is still warned of.
    """
    if str(record.msg).startswith("Run events file"):
        return False
    failure = record.args[-1] if isinstance(record.args, tuple) and record.args else None
    causes = (failure, getattr(failure, "__cause__", None))
    missing = ("FileNotFoundError", "VersionNotFoundError")
    return not any(type(cause).__name__ in missing for cause in causes)
