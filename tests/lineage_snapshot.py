"""The project's lineage in lines of text, for 1, 2 and 3 rounds: nodes, datasets, parameters.

    python -m tests.lineage_snapshot

writes it to tests/lineage_snapshot.txt, which the test of the same name compares. The file has all
lines for 1 round, and for more rounds what they add to and take from the section before.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kedro.inspection import get_project_snapshot
from kedro.inspection.models import ProjectSnapshot

ROUNDS = (1, 2, 3)
KEPT = Path(__file__).with_suffix(".txt")
RENEW = "python -m tests.lineage_snapshot"


def of_project(project: Path) -> str:
    """The snapshots of all `ROUNDS`, in the form of the kept file."""
    before: list[str] = []
    sections = []
    for number in ROUNDS:
        # Of `base` alone: `local` is another one's on every machine.
        snapshot = get_project_snapshot(project, env="base", runtime_params={"rounds": number})
        lines = sorted(set(_lines(snapshot)))
        gone = [f"- {line}" for line in before if line not in set(lines)]
        new = [f"+ {line}" for line in lines if line not in set(before)]
        sections.append("\n".join([f"# rounds: {number}", *gone, *new]))
        before = lines
    return "\n\n".join(sections) + "\n"


def _lines(snapshot: ProjectSnapshot) -> Iterator[str]:
    used = set()
    for pipeline in snapshot.pipelines:
        yield f"pipeline {pipeline.name}: {len(pipeline.nodes)} nodes"
        for node in pipeline.nodes:
            used |= {*node.inputs, *node.outputs}
            reads, writes = ", ".join(sorted(node.inputs)), ", ".join(sorted(node.outputs))
            yield f"node {node.name}: {node.func_name}({reads}) -> {writes or 'nothing'}"
    for name in used & set(snapshot.datasets):
        yield f"dataset {name}: {snapshot.datasets[name].type}"
    for name in snapshot.parameters:
        yield f"parameter {name}"


if __name__ == "__main__":
    KEPT.write_text(of_project(Path.cwd()), encoding="utf-8")
