"""Reading the configuration: it is checked, filled in, and handed to the pipelines it shapes.

Kedro builds pipelines without showing them the configuration, so the configuration loader hands it
over here (`lay_out`), and the pipelines look it up (`current`). A loader does it, and not a hook,
because kedro-viz and the inspection commands read configuration without running hooks.

Knows Kedro; knows no stage's parameters.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework import project
from kedro.utils import find_kedro_project
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from selfscore.configuration.domain import in_words
from selfscore.configuration.faults import fault_in
from selfscore.configuration.layout import Layout, expand

# Files in which Kedro looks for a configuration.
_SUFFIXES = (".yml", ".yaml", ".json")
# Kedro takes every file, and every section that two files have, for a mapping; where a file holds a
# number alone, OmegaConf raises an OSError of its own.
_UNREADABLE = (AttributeError, TypeError, YAMLError, OmegaConfBaseException, ValueError, OSError)
_current: Layout | None = None


class ConfigurationError(click.ClickException, ValueError):
    """A configuration that cannot be read, in words for whoever wrote it."""


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

    Raises:
        ConfigurationError: there is no such environment, or a file of it cannot be read.
    """

    def __init__(
        self,
        *arguments: Any,
        check: Callable[[Mapping[str, Any]], None],
        check_places: Callable[[Mapping[str, Any]], None],
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        _check_environment(Path(self.conf_source), self.env)
        try:
            check_places(self["globals"])
            given = in_words(self["parameters"])
        except MissingConfigException:
            return
        check(given)
        self["parameters"] = expand(given)
        lay_out(Layout.of(given))

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Files of one kind, such as `parameters` or `catalog`, as one.

        Raises:
            ConfigurationError: one of them is no YAML, or refers to what is not there.
            MissingConfigException: there is none.
        """
        try:
            found: dict[str, Any] = super().__getitem__(key)
        except _UNREADABLE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # What the system says of a file.
            # OmegaConf says where it was in lines of their own.
            told = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
            _, ours, why = told.partition(" raised while resolving interpolation: ")
            if ours:
                raise ConfigurationError(why) from error
            if named := fault_in(self._files(key), error, secret=key == "credentials"):
                raise ConfigurationError(f"{named}.") from error
            raise ConfigurationError(
                f"The configuration of '{key}' cannot be read: {told.rstrip('.')}. Correct it "
                f"below '{self.conf_source}'."
            ) from error
        return found

    def _files(self, key: str) -> list[Path]:
        """Files of a kind, the base's first; none where the configuration is no local folder."""
        found: dict[Path, None] = {}
        for environment in (self.base_env, self.env or self.default_run_env):
            folder = Path(self.conf_source) / environment
            for pattern in self.config_patterns[key]:
                pattern = f"{pattern}/*" if pattern.endswith("**") else pattern
                files = sorted(file for file in folder.glob(pattern) if file.suffix in _SUFFIXES)
                found |= dict.fromkeys(files)
        return list(found)


def environments(configuration: Path) -> list[str]:
    """Names of the environments in a folder of configurations.

    A folder with nothing but folders in it is a kind of them: `recipes/smolvlm_256m`.
    """
    found: list[str] = []
    for folder in sorted(one for one in configuration.iterdir() if one.is_dir()):
        inner = sorted(folder.iterdir())
        kind = bool(inner) and all(one.is_dir() for one in inner)
        found += [f"{folder.name}/{one.name}" for one in inner] if kind else [folder.name]
    return found


def _check_environment(configuration: Path, name: str | None) -> None:
    # Kedro takes an archive or an address as well, and looks into it itself.
    if name is None or not configuration.is_dir():
        return
    there = environments(configuration)
    root, place = (os.path.normpath(one) for one in (configuration, configuration / name))
    if name in there or (os.path.isdir(place) and Path(root) in Path(place).parents):
        return
    nearest = get_close_matches(name, there, n=1, cutoff=0.6)
    remedy = f"did you mean {nearest[0]}?" if nearest else f"there is {', '.join(there)}."
    raise ConfigurationError(f"There is no configuration environment '{name}': {remedy}")


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
