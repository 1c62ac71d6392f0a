"""Reading the configuration: it is checked, filled in, and handed to the pipelines it shapes.

Kedro builds pipelines without showing them the configuration, so the configuration loader hands it
over here (`lay_out`), and the pipelines look it up (`current`). A loader does it, and not a hook,
because kedro-viz and the inspection commands read configuration without running hooks.

Knows Kedro; knows no stage's parameters.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework import project
from kedro.utils import find_kedro_project

from selfscore.layout import Layout, expand

_current: Layout | None = None


def lay_out(layout: Layout) -> None:
    """Set the rounds and experts that the pipelines have.

    Kedro keeps the pipelines it has built for the life of the process, so they are built anew when
    this layout is not the one before it.
    """
    global _current
    if layout == _current:
        return
    _current = layout
    package = project.PACKAGE_NAME or ""
    if package:
        project.pipelines.configure(f"{package}.pipeline_registry")


def forget() -> None:
    """As in a new process: whoever asks next reads the project's configuration."""
    global _current
    _current = None


def current() -> Layout:
    """The layout of the configuration that was read last.

    Where none has been (`kedro registry list`), that of the project is read.

    Raises:
        LookupError: none has been, and this is no folder of a project.
    """
    return _current or _of_project()


def _of_project() -> Layout:
    root = find_kedro_project(Path.cwd())
    if root is None:
        raise LookupError(f"'{Path.cwd()}' is in no project, so nobody says how many rounds.")
    loader = project.settings.CONFIG_LOADER_CLASS(
        str(root / project.settings.CONF_SOURCE),
        env=os.getenv("KEDRO_ENV"),
        **project.settings.CONFIG_LOADER_ARGS,
    )
    return Layout.of(loader["parameters"])


class LayoutConfigLoader(OmegaConfigLoader):
    """Kedro's loader, with the parameters of each round and expert filled in, and checked.

    `params:iteration_2.merging` is the shared section `merging` with what stands under
    `iteration_2: {merging: …}` laid over it, and `params:iteration_2.dpo_training.scoring` is
    that of one expert.

    Args:
        arguments: as for `OmegaConfigLoader`.
        check: is called with the parameters as the user gives them, and raises if one is wrong.
        check_places: is called with what globals.yml says, and does the same.
        options: as for `OmegaConfigLoader`.
    """

    def __init__(
        self,
        *arguments: Any,
        check: Callable[[Mapping[str, Any]], None],
        check_places: Callable[[Mapping[str, Any]], None],
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        try:
            check_places(self["globals"])
            given = self["parameters"]
        except MissingConfigException:
            return
        check(given)
        self["parameters"] = expand(given)
        lay_out(Layout.of(given))


def environment_variable(name: str) -> str:
    """Value of an environment variable: `${variable:NAME}` in the configuration.

    Raises:
        ValueError: it is not set.
    """
    value = os.environ.get(name)
    if not value:
        raise ValueError(
            f"The environment variable {name} is not set, and this configuration environment needs "
            "it: see docs/team.md."
        )
    return value
