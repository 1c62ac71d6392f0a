"""What is handed on: a folder with a policy, everything that belongs to it, and a list of it all.

Knows the layout; knows no catalog.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from selfscore.datasets.directory import write_json
from selfscore.handoff.archive import is_archive, unpack
from selfscore.provenance.foreign_json import parse_json
from selfscore.provenance.manifest import Manifest, canonical, parse_manifest

FORMAT = 1

INDEX = "handoff.json"
POLICY = "policy"
SCORE_SCALE = "score_scale.json"
PROMPTS = "prompts.json"
MANIFESTS = "manifests"
ARTIFACTS = "artifacts"
CARD = "policy/README.md"

# Nothing that runs when it is opened: no pickle, no code.
SUFFIXES = (".json", ".md", ".safetensors", ".parquet", ".csv", ".png")


class BundleError(ValueError):
    """A handoff that cannot be read."""


@dataclass(frozen=True)
class Index:
    """The content of `handoff.json`.

    Attributes:
        kind: "policy" or "iteration".
        name: what was handed on, such as "policy_2".
        policy: dataset, version, run (that made it), digest, sha256 (of its folder).
        base_model: id, revision and, of a local folder, sha256.
        environment: name of the configuration environment it was made in.
        artifacts: dataset → path below the folder.
        files: path → sha256, of every file but this one.
        format: of this record.
    """

    kind: str
    name: str
    policy: dict[str, str]
    base_model: dict[str, Any]
    environment: str | None
    artifacts: dict[str, str]
    files: dict[str, str]
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """sha256 of the list, and so of every file: model card, figures and manifests too."""
        return hashlib.sha256(canonical(asdict(self)).encode()).hexdigest()

    def has_place_for(self, path: str) -> bool:
        """Whether a file belongs to the policy, the manifests or one of the artifacts."""
        homes = (POLICY, MANIFESTS, *self.artifacts.values())
        return path in (SCORE_SCALE, PROMPTS, *self.artifacts.values()) or any(
            path.startswith(f"{home}/") for home in homes
        )


def write_index(index: Index, folder: Path) -> None:
    """Write `handoff.json`."""
    write_json(asdict(index), folder / INDEX)


def read_index(folder: Path) -> Index:
    """Read `handoff.json`.

    Raises:
        BundleError: there is none, or it is not one.
    """
    from pydantic import TypeAdapter, ValidationError

    file = folder / INDEX
    try:
        if file.is_symlink() or not file.is_file():
            raise FileNotFoundError(f"there is no file {INDEX}")
        record = parse_json(file.read_bytes())
    except (OSError, ValueError) as error:
        raise BundleError(
            f"This is not a handoff: it has no readable {INDEX} ({error})."
        ) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise BundleError(f"{INDEX} is not of format {FORMAT}. Read it with the newest selfscore.")
    try:
        return TypeAdapter(Index).validate_python(record)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BundleError(f"{INDEX} has no valid '{place}'.") from error


def read_manifest(folder: Path, run_id: str) -> Manifest:
    """The manifest of one of the runs in a handoff.

    Raises:
        ManifestError: it is not one.
        OSError: there is none.
        BundleError: the run's name is no plain name.
    """
    if Path(run_id).name != run_id:
        raise BundleError(f"{INDEX} names a run '{run_id}', which no run is called.")
    return parse_manifest((folder / MANIFESTS / f"{run_id}.json").read_bytes())


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a handoff, unpacked if it is an archive.

    Raises:
        UnsafeArchiveError: the archive is refused.
        BundleError: there is neither a folder nor an archive.
    """
    if path.is_dir():
        yield path
        return
    if not path.is_file() or not is_archive(path):
        raise BundleError(
            f"'{path}' is neither a folder nor an archive (.tar.gz, .tgz): name a handoff."
        )
    with tempfile.TemporaryDirectory() as place:
        unpack(path, Path(place))
        yield Path(place)
