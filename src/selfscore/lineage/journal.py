"""A run's manifest while the run goes on: one line of JSON for every event.

Lines are only ever appended, so a process that is killed leaves what it had, and a last line that
was cut off is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import PurePosixPath
from typing import Any

from selfscore.lineage.manifest import Artifact, Manifest, NodeRun, from_record, to_record
from selfscore.lineage.places import Place

NAME = "journal.jsonl"


class Journal:
    """Events of one run, beside the manifest that they become.

    Args:
        place: the file; its file system must be able to append.
    """

    def __init__(self, place: Place) -> None:
        self._fs, self._path = place.file_system, place.path

    def begin(self, manifest: Manifest) -> None:
        """The run starts."""
        self._fs.makedirs(str(PurePosixPath(self._path).parent), exist_ok=True)
        self._append("run", to_record(manifest))

    def artifact(self, artifact: Artifact) -> None:
        """A dataset was read or written."""
        self._append("artifact", asdict(artifact))

    def node(self, name: str, **changes: Any) -> None:
        """A node starts or ends; `changes` are fields of `NodeRun`."""
        self._append("node", {"name": name, **changes})

    def end(self, **changes: Any) -> None:
        """The run ends; `changes` are fields of `Manifest`."""
        self._append("end", changes)

    def read(self) -> Manifest | None:
        """The manifest so far; None if not even the start is there."""
        text = self._fs.cat_file(self._path).decode("utf-8", errors="replace")
        return fold(text.splitlines())

    def remove(self) -> None:
        """Take the file away."""
        self._fs.rm_file(self._path)

    def _append(self, event: str, record: dict[str, Any]) -> None:
        line = json.dumps({"event": event, **{"record": record}}, ensure_ascii=False)
        with self._fs.open(self._path, "ab") as stream:
            stream.write(line.encode() + b"\n")


def fold(lines: Iterable[str]) -> Manifest | None:
    """The manifest that the events make; None if they do not begin with a start.

    Without an end the status is "interrupted", and so is that of the node that was running.
    """
    manifest: Manifest | None = None
    nodes: dict[str, NodeRun] = {}
    artifacts: dict[str, Artifact] = {}
    ended = False
    for line in lines:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue  # Cut off when the process was killed.
        event, record = entry["event"], entry["record"]
        if event == "run":
            manifest = from_record(record)
            nodes = {node.name: node for node in manifest.nodes}
            artifacts = dict(manifest.artifacts)
        elif event == "node" and record["name"] in nodes:
            nodes[record["name"]] = replace(nodes[record["name"]], **record)
        elif event == "artifact":
            found = Artifact(**record)
            # Reading again what this run wrote does not take the writer away.
            if found.node is not None or found.name not in artifacts:
                artifacts[found.name] = found
        elif event == "end" and manifest is not None:
            manifest = replace(manifest, **record)
            ended = True
    if manifest is None:
        return None
    if not ended:
        manifest = replace(manifest, status="interrupted")
        nodes = {
            name: replace(node, status="interrupted") if node.status == "running" else node
            for name, node in nodes.items()
        }
    return replace(manifest, nodes=list(nodes.values()), artifacts=artifacts)
