"""What a base model's name stands for, so that another model under the same name is noticed.

Knows files, sha256 and commits on the hub; knows no model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

# What stands for all files of a model on the hub.
COMMIT = "commit"
# What transformers reads of a folder. Documentation and whatever a download or git keeps beside it
# may change.
_SUFFIXES = {".safetensors", ".json", ".jinja", ".model"}
_NAMES = {"merges.txt", "vocab.txt"}


def content_of(model_id: str, revision: str | None = None) -> dict[str, str]:
    """sha256 of every file that loading a local model reads, by name.

    A file is read once in a process, and again when its size or time has changed. For a name on the
    hub `commit` alone, the one that `revision` is now; nothing where that cannot be told.
    """
    folder = Path(model_id)
    if not folder.is_dir():
        return _commit(model_id, revision)
    return {
        file.name: _sha256(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns)
        for file in sorted(folder.iterdir())
        if (file.suffix in _SUFFIXES or file.name in _NAMES)
        # The marker of a folder that was saved as a whole only repeats this.
        and not file.name.startswith(("_", "."))
        and file.is_file()
    }


def difference(known: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """The first file that is not the same in both; None where all are.

    A folder and a commit on the hub cannot be compared, nor can anything with what is not known.
    """
    if not known or not found or (COMMIT in known) != (COMMIT in found):
        return None
    names = sorted(known.keys() | found.keys())
    return next((name for name in names if known.get(name) != found.get(name)), None)


def _commit(model_id: str, revision: str | None) -> dict[str, str]:
    from huggingface_hub import resolve_revision
    from huggingface_hub.errors import RevisionResolutionError

    try:
        return {COMMIT: resolve_revision(model_id, revision=revision).resolved}
    except (OSError, ValueError, RevisionResolutionError):
        # No such name, or neither the hub nor a copy of it is there: loading says which.
        return {}


@lru_cache(maxsize=4096)
def _sha256(path: str, _size: int, _modified_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
