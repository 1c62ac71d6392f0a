"""What is known of the run that is under way: kept in memory, for as long as it runs."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset


class RunFactsDataset(AbstractDataset[dict[str, str], dict[str, str]]):
    """Empty until the hook around a run puts in what it knows."""

    def __init__(self, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata
        self._facts: dict[str, str] = {}

    def load(self) -> dict[str, str]:
        """The facts by name; none outside of a run."""
        return dict(self._facts)

    def save(self, data: dict[str, str]) -> None:
        """Put in what is known."""
        self._facts = dict(data)

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"facts": sorted(self._facts)}
