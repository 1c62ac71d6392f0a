"""What a run's results may depend on beside the project's own files."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from email.parser import HeaderParser
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

# Threads and devices change the last bits of a result.
VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "HF_HUB_OFFLINE",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "PYTHONHASHSEED",
)


def describe_machine(name: str | None) -> dict[str, Any]:
    """Name of the configuration environment, and the machine.

    Returns:
        name, python, system, processors, variables (those of `VARIABLES` that are set), process.
    """
    return {
        "name": name,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "variables": {key: os.environ[key] for key in VARIABLES if key in os.environ},
        "process": os.getpid(),
    }


def accelerators() -> list[str]:
    """Names of the GPUs, if PyTorch has been used; it is not imported for this."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())]


def git_state(project: Path) -> dict[str, Any]:
    """`commit`, and `dirty`: whether a tracked file differs from it. Empty without a repository."""
    commit = _git(project, "rev-parse", "HEAD")
    if not commit:
        return {}
    changed = _git(project, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": bool(changed)}


def packages() -> dict[str, str]:
    """Every installed package and its version."""
    heads = [_head(_metadata(one)) for one in distributions()]
    # What a broken installation has left behind has no name.
    found = {name: version for name, version in heads if name}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


@functools.cache
def _head(metadata: str) -> tuple[str, str]:
    """Name and version. Kept, because a process may begin many runs: a notebook, a benchmark."""
    head = HeaderParser().parsestr(metadata)
    return head["Name"], head["Version"]


def _metadata(package: Distribution) -> str:
    """The file that names a package; `Distribution` parses all of it for each of its fields."""
    files = ("METADATA", "PKG-INFO", "")  # The last one is of packages that are a file themselves.
    return next(filter(None, map(package.read_text, files)), "")


def _git(project: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(project), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
