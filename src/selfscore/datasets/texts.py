"""Several texts that belong together, each a file that somebody will open by itself."""

from __future__ import annotations

from pathlib import Path

from selfscore.datasets.directory import MARKER, DirectoryDataset


class TextsDataset(DirectoryDataset[dict[str, str]]):
    """Texts by the names of their files; there may be none."""

    kind = "folder of texts"

    def _read(self, folder: Path) -> dict[str, str]:
        files = (file for file in sorted(folder.iterdir()) if file.name != MARKER)
        return {file.name: file.read_text(encoding="utf-8") for file in files}

    def _write(self, data: dict[str, str], folder: Path) -> None:
        for name, text in data.items():
            (folder / name).write_text(text, encoding="utf-8")
