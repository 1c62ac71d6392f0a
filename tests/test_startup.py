"""What a user waits for before anything runs: the heavy libraries belong to the nodes."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
HEAVY = ("torch", "transformers", "trl", "peft", "mergekit", "datasets", "sklearn", "scipy.stats")
CODE = f"""
import sys
from kedro.framework.startup import bootstrap_project
bootstrap_project({str(PROJECT)!r})
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
assert "iteration" in dict(pipelines)
with KedroSession.create(project_path={str(PROJECT)!r}) as session:
    catalog = session.load_context().catalog
    assert catalog.get("iteration_1.scoring_adapter") is not None
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_registry_and_catalog_are_built_without_the_heavy_libraries():
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"
