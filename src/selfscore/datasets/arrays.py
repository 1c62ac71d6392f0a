"""Named NumPy arrays in one safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset


class ArraysDataset(AbstractDataset[dict[str, np.ndarray], dict[str, np.ndarray]]):
    """A mapping of names to arrays, for what is too large for a table and needs no versions.

    Args:
        filepath: the file, on the local disk.
        metadata: for kedro-viz; not used here.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, np.ndarray]:
        """All arrays by name."""
        from safetensors.numpy import load_file

        return load_file(self._filepath)

    def save(self, data: dict[str, np.ndarray]) -> None:
        """Write all arrays."""
        from safetensors.numpy import save_file

        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: np.ascontiguousarray(array) for name, array in data.items()}, self._filepath
        )

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
