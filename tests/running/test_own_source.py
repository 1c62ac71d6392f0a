"""In each clone its own code runs, whichever of them the environment was installed from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from project_copy import copy_project

from selfscore.provenance.project import open_project
from selfscore.provenance.source_text import read_code, sha256_code
from selfscore.running.own_source import OtherSourceError, refuse_other_source


def install(project: Path, folder: Path) -> Path:
    """A new environment in which a clone is installed as `pip install -e` does; its Python."""
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    # What else is needed comes from the environment of the tests.
    others = Path(str(distribution("kedro").locate_file("")))
    (packages / "selfscore.pth").write_text(f"{project / 'src'}\n{others}\n")
    about = packages / "selfscore-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: selfscore\nVersion: 0.1.0\n")
    points = tomllib.loads((project / "pyproject.toml").read_text())["project"]["entry-points"]
    sections = (
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in found.items())
        for group, found in points.items()
    )
    (about / "entry_points.txt").write_text("\n".join(sections))
    return folder / "bin/python"


@pytest.mark.slow
def test_a_second_clone_runs_its_own_code(project: Path, tmp_path: Path) -> None:
    for name in ("installed", "clone"):
        (tmp_path / name).mkdir()
    python = install(copy_project(project, tmp_path / "installed"), tmp_path / "environment")
    clone = copy_project(project, tmp_path / "clone")
    nodes = clone / "src/selfscore/pipelines/ingestion/nodes.py"
    nodes.write_text(nodes.read_text() + '\nprint("This is the clone.")\n')

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-m", "kedro", "run", "--pipelines=ingestion", "--env=test"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.count("This is the clone.") == 1
    [file] = (clone / "data/test/08_reporting/manifests").glob("manifest.json/*/manifest.json")
    code = json.loads(file.read_text())["code"]
    own = sha256_code(read_code(nodes.read_text()))
    other = sha256_code(read_code((tmp_path / "installed" / nodes.relative_to(clone)).read_text()))
    assert code["selfscore.pipelines.ingestion.nodes"] not in (other, "")
    assert own != other


def test_two_trees_are_never_mixed(project: Path, tmp_path: Path) -> None:
    refuse_other_source(project)
    refuse_other_source(tmp_path)  # As where the package alone is installed.
    shutil.copytree(project / "src/selfscore", tmp_path / "src/selfscore")
    for look in (refuse_other_source, open_project):
        with pytest.raises(OtherSourceError, match=f"PYTHONPATH={tmp_path / 'src'}") as caught:
            look(tmp_path)
        assert str(project / "src") in str(caught.value)
    done = subprocess.run(
        [sys.executable, "-c", "import selfscore; print(selfscore.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(tmp_path))
