"""The project at another place, as somebody who has just cloned it has it."""

import shutil
from pathlib import Path


def copy_project(project: Path, folder: Path) -> Path:
    """Package, configuration and demo data at a new place, where a run leaves no trace."""
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(project / name, folder)
    for name in ("src", "conf", "data/01_raw", "data/06_models/demo_model"):
        shutil.copytree(project / name, folder / name)
    return folder
