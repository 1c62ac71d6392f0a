"""Packages that a bare machine with torch has not, carried to it as wheels.

Knows requirements, pip and sizes; knows nothing of what is measured. Imports no package that has to
be carried.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[2]
# Wheels and the project's own files together.
LIMIT_MIB = 64
_ROOTS = ("transformers", "trl", "peft", "datasets", "pydantic")
# There with torch, torchvision, pandas and pyarrow, and with any transformers. Too large to be
# carried, or good in any version.
# fmt: off
PRESENT = frozenset(
    {
        "torch", "torchvision", "triton", "numpy", "pandas", "pyarrow", "pillow", "scipy",
        "setuptools", "jinja2", "markupsafe", "sympy", "mpmath", "networkx", "filelock", "fsspec",
        "packaging", "pyyaml", "regex", "tqdm", "psutil", "python-dateutil", "six",
        "typing-extensions", "anyio", "idna", "h11", "click", "typer", "rich", "shellingham",
        "annotated-doc", "markdown-it-py", "mdurl", "pygments", "hf-xet", "safetensors",
    }
)
# fmt: on
# Older systems' wheels run on newer ones; pip takes each name as it is.
_PLATFORMS = ("_2_28", "_2_27", "_2_17", "2014", "1")


def needed() -> dict[str, str]:
    """Packages to carry, in the versions that are installed here."""
    found: dict[str, str] = {}
    names = list(_ROOTS)
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name not in PRESENT and name not in found:
            found[name] = version(name)
            names += [
                requirement.name
                for requirement in map(Requirement, requires(name) or [])
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            ]
    return dict(sorted(found.items()))


def carry(folder: Path, python: str) -> float:
    """Download the wheels for Linux on x86-64.

    Args:
        folder: they are put there; others that lie there go.
        python: version of the machine's Python, such as 3.12.

    Returns:
        Their size in MiB.

    Raises:
        ValueError: with the project's own files they are larger than `LIMIT_MIB`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in folder.glob("*.whl"):
        wheel.unlink()
    platforms = [f"--platform=manylinux{system}_x86_64" for system in _PLATFORMS]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        + [f"--python-version={python}", "--implementation=cp", *platforms]
        + [f"--dest={folder}", *(f"{name}=={number}" for name, number in needed().items())],
        check=True,
    )
    size = sum(wheel.stat().st_size for wheel in folder.glob("*.whl")) / 2**20
    whole = size + _project_mib()
    if whole > LIMIT_MIB:
        raise ValueError(
            f"The wheels ({size:.0f} MiB) and the project are {whole:.0f} MiB, more than "
            f"{LIMIT_MIB}: name what need not be carried in `PRESENT` ({__file__})."
        )
    return size


def go_on_with(folder: Path, arguments: list[str]) -> None:
    """Install the wheels of a folder beside nothing else and start anew with them.

    Does not return. Python's own packages and those of the machine stay as they are.

    Args:
        folder: of the wheels.
        arguments: of the command that goes on.

    Raises:
        FileNotFoundError: there are none.
    """
    wheels = [str(wheel) for wheel in sorted(folder.glob("*.whl"))]
    if not wheels:
        raise FileNotFoundError(
            f"There are no wheels in '{folder}': `python -m benchmarks.gpu carry {folder}` "
            "downloads them, on a machine with this project and a network."
        )
    place = tempfile.mkdtemp(prefix="wheels_")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        + ["--no-compile", f"--target={place}", *wheels],
        check=True,
    )
    paths = [place, str(PROJECT / "src"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    os.chdir(PROJECT)
    os.execve(sys.executable, [sys.executable, "-m", "benchmarks.gpu", *arguments], environment)


def _project_mib() -> float:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    files = (PROJECT / name for name in listed.stdout.split("\0") if name)
    return sum(file.stat().st_size for file in files if file.is_file()) / 2**20
