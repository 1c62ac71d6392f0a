"""Whether a file is still what the run that made it wrote.

Folders that are stored as a whole check their own files when they are loaded; of tables and JSON
only the manifests know what they were.
"""

from __future__ import annotations

from collections.abc import Iterable

from selfscore.provenance.manifest import Artifact, Manifest


class Seals:
    """sha256 of everything that a run wrote, by dataset and path.

    A path without versions has one for every run that wrote it: each of them is good, as it may
    have been put back.
    """

    def __init__(self, manifests: Iterable[Manifest] = ()) -> None:
        self._known: dict[tuple[str, str], dict[str, Artifact]] = {}
        for manifest in manifests:
            for artifact in manifest.made.values():
                self.add(artifact)

    def add(self, artifact: Artifact) -> None:
        """What a run wrote."""
        self._known.setdefault((artifact.name, artifact.path), {})[artifact.sha256] = artifact

    def maker(self, name: str, path: str) -> str | None:
        """The node that made what should be there; None if no run made it."""
        known = self._known.get((name, path), {})
        return next((artifact.node for artifact in known.values()), None)

    def is_broken(self, artifact: Artifact) -> bool:
        """Whether a run made it, and it is no longer what any run made."""
        known = self._known.get((artifact.name, artifact.path))
        return known is not None and artifact.sha256 not in known
