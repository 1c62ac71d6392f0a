"""A run's manifest while the run goes on: one line of JSON for every event.

Lines are only ever appended, so a process that is killed leaves what it had. A line that was cut
off, by a kill or by a disk that was full for a while, is passed over.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import PurePosixPath
from typing import IO, Any

from selfscore.provenance.manifest import (
    Artifact,
    Manifest,
    ManifestError,
    NodeRun,
    from_record,
    to_record,
)
from selfscore.provenance.places import Place

NAME = "journal.jsonl"


class Journal:
    """Events of one run, beside the manifest that they become.

    Args:
        place: the file.
    """

    def __init__(self, place: Place) -> None:
        self._fs, self._path, self._is_local = place.file_system, place.path, place.is_local
        self._held: IO[bytes] | None = None

    def begin(self, manifest: Manifest) -> None:
        """The run starts; while its process lives, the journal says so (on a local disk alone)."""
        self._fs.makedirs(str(PurePosixPath(self._path).parent), exist_ok=True)
        self._append("run", to_record(manifest))
        if self._is_local:
            self._held = open(self._path, "rb")  # noqa: SIM115 - held until the run ends
            with contextlib.suppress(OSError):  # Not every file system can lock.
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_going_on(self) -> bool:
        """Whether the process that began it still lives; on other than a local disk, never."""
        if not self._is_local:
            return False
        with open(self._path, "rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:
                return False
        return False

    def artifact(self, artifact: Artifact) -> None:
        """A dataset was read or written."""
        self._append("artifact", asdict(artifact))

    def node(self, name: str, **changes: Any) -> None:
        """A node starts or ends; `changes` are fields of `NodeRun`."""
        self._append("node", {"name": name, **changes})

    def end(self, **changes: Any) -> None:
        """The run ends; `changes` are fields of `Manifest`."""
        self._append("end", changes)

    def read(self, whole: bool = False) -> Manifest | None:
        """The manifest so far; None if not even the start is there.

        Args:
            whole: whether only the last line may be cut off, as a kill leaves it.

        Raises:
            ManifestError: what is in it is no manifest, or not the whole of one.
        """
        text = self._fs.cat_file(self._path).decode("utf-8", errors="replace")
        lines = text.splitlines()
        try:
            if whole:
                _check_lines(lines)
            folded = fold(lines)
        except (LookupError, TypeError, RecursionError) as error:
            raise ManifestError(f"'{self._path}' is not the journal of a run: {error}.") from error
        return None if folded is None else from_record(to_record(folded))

    def remove(self) -> None:
        """Take the file away."""
        self._fs.rm_file(self._path)
        if self._held is not None:
            self._held.close()

    def _append(self, event: str, record: dict[str, Any]) -> None:
        line = json.dumps({"event": event, **{"record": record}}, ensure_ascii=False)
        # The break comes first: what was written before may have been cut off.
        added = b"\n" + line.encode()
        if self._is_local:
            with self._fs.open(self._path, "ab") as stream:
                stream.write(added)
            return
        # Stores do not append: their clients write the whole anew, too, and leave a file half open
        # when the store is away, which has the process wait for ever at its end.
        try:
            before = self._fs.cat_file(self._path)
        except FileNotFoundError:
            before = b""
        self._fs.pipe_file(self._path, before + added)


def _check_lines(lines: Sequence[str]) -> None:
    for number, line in enumerate(lines[:-1], start=1):
        try:
            json.loads(line or "null")
        except json.JSONDecodeError as error:
            raise ManifestError(f"Line {number} of its journal is cut off.") from error


def fold(lines: Iterable[str]) -> Manifest | None:
    """The manifest that the events make; None if they do not begin with a start.

    Without an end the status is "interrupted". A node that was running when the run ended, however
    it did, is "interrupted", too.
    """
    manifest: Manifest | None = None
    nodes: dict[str, NodeRun] = {}
    artifacts: dict[str, Artifact] = {}
    ended = False
    for event, record in _events(lines):
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
    status = manifest.status if ended else "interrupted"
    return replace(manifest, status=status, nodes=_stopped(nodes.values()), artifacts=artifacts)


def _stopped(nodes: Iterable[NodeRun]) -> list[NodeRun]:
    return [
        replace(node, status="interrupted") if node.status == "running" else node for node in nodes
    ]


def _events(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue  # Cut off.
        yield entry["event"], entry["record"]
