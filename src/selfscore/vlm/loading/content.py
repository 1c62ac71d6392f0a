"""What a base model's folder holds, so that another model under the same name is noticed.

Knows files and sha256; knows no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

# What transformers reads of a folder. Documentation and whatever a download or git keeps beside it
# may change.
_SUFFIXES = {".safetensors", ".json", ".jinja", ".model"}
_NAMES = {"merges.txt", "vocab.txt"}


def content_of(model_id: str) -> dict[str, str]:
    """sha256 of every file that loading a local model reads; empty for a name on the hub.

    A file is read once in a process, and again when its size or time has changed.
    """
    folder = Path(model_id)
    if not folder.is_dir():
        return {}
    return {
        file.name: _sha256(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns)
        for file in sorted(folder.iterdir())
        if (file.suffix in _SUFFIXES or file.name in _NAMES)
        # The marker of a folder that was saved as a whole only repeats this.
        and not file.name.startswith(("_", "."))
        and file.is_file()
    }


def difference(known: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """The first file that is not the same in both; None where all are."""
    names = sorted(known.keys() | found.keys())
    return next((name for name in names if known.get(name) != found.get(name)), None)


@lru_cache(maxsize=4096)
def _sha256(path: str, size: int, modified_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
