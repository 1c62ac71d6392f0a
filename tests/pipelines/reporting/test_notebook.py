"""The notebook still runs from top to bottom, and is committed with its outputs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from miniature_run import SCALE

from selfscore.configuration.settings_class import as_parameters
from selfscore.preference_data.pairs import consistency_pairs, join_sides

NOTEBOOK = "notebooks/look_at_a_run.ipynb"
# As Jupyter does: every cell in one session, and it stops at the first error.
RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        shell.run_cell("".join(cell["source"])).raise_error()
assert len(shell.user_ns["table"]) == 3 and len(shell.user_ns["said"]) == 6
"""


@pytest.fixture
def home(
    tmp_path: Path, project: Path, copy_conf: Callable[[Path], Path], reported: dict[str, Any]
) -> Path:
    """A project with the outcome of a run in its catalog."""
    copy_conf(tmp_path)
    shutil.copy(project / "pyproject.toml", tmp_path)
    shutil.copytree(project / "src", tmp_path / "src")
    (tmp_path / "notebooks").mkdir()
    shutil.copy(project / NOTEBOOK, tmp_path / "notebooks")
    images = tmp_path / "data/01_raw/demo_images/images"
    images.mkdir(parents=True)
    for name, picture in reported["raw_images"].items():
        picture.save(images / name)
    pairs = consistency_pairs(join_sides(reported["iteration_2.generations"]))
    for place, data in (
        ("08_reporting/champion.json", reported["champion"]),
        ("03_primary/score_scale.json", as_parameters(SCALE)),
        ("05_model_input/iteration_2/consistency_pairs.parquet", pairs),
        *(
            (f"07_model_output/{name.replace('.', '/')}.parquet", reported[name])
            for name in (
                "baseline.base_predictions",
                "iteration_2.merged_predictions",
                "iteration_2.readings",
            )
        ),
    ):
        keep(tmp_path / "data" / place / "2026-01-01T00.00.00.000Z" / Path(place).name, data)
    return tmp_path


def keep(file: Path, data: Any) -> None:
    file.parent.mkdir(parents=True)
    if isinstance(data, pd.DataFrame):
        data.to_parquet(file)
    else:
        file.write_text(json.dumps(data))


def test_it_runs(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, Path(NOTEBOOK).name],
        cwd=home / "notebooks",
        env={**os.environ, "IPYTHONDIR": str(home / "ipython"), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "policy_2 was chosen by srcc on the validation images" in done.stdout


def test_it_is_committed_as_it_ran(project: Path) -> None:
    cells = json.loads((project / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert outputs and all(output["output_type"] != "error" for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs)
