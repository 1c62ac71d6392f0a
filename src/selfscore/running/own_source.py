"""The code that runs is the project's own, whichever clone the environment was installed from.

Kedro puts the `src` of the project at hand before everything else. But it loads entry points before
that, and with them this package from where it is installed: another clone or git worktree, perhaps.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from kedro.utils import find_kedro_project

_PACKAGES = ("selfscore", "selfscore_demo")
_RUNNING = Path(__file__).resolve().parents[2]


class OtherSourceError(click.ClickException):
    """What runs is not the project's own source."""


def prefer_own_source() -> None:
    """Forget what was imported of this package if the project at hand has a source of its own."""
    project = find_kedro_project(Path.cwd())
    source = None if project is None else _other_source(Path(project))
    if source is None:
        return
    sys.path.insert(0, str(source))
    for name in [name for name in sys.modules if name.partition(".")[0] in _PACKAGES]:
        del sys.modules[name]


def refuse_other_source(project: Path) -> None:
    """See that the project's own source runs: a manifest names its commit and its modules.

    Raises:
        OtherSourceError: another one does.
    """
    source = _other_source(project)
    if source is not None:
        raise OtherSourceError(
            f"The code that runs is in '{_RUNNING}', and this project has its own in '{source}'. "
            f"Put that one first: PYTHONPATH={source}, or in Python call Kedro's bootstrap_project "
            "before anything of selfscore is imported."
        )


def _other_source(project: Path) -> Path | None:
    """The project's source; None if that is what runs, or it has none."""
    source = (project / "src").resolve()
    has_own = (source / _PACKAGES[0] / "__init__.py").is_file()
    return source if has_own and source != _RUNNING else None
