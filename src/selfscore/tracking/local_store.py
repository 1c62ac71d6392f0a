"""The file in which runs are tracked without a server: there as a whole, or not at all.

MLflow makes its tables in many steps in the file itself. A run that is killed in between leaves a
file that no later one can use, and two first runs get in each other's way.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote

from filelock import FileLock

# The same beginning as of what SQLite keeps beside it.
_LOCK, _PART, _UNFINISHED = "-lock", "-part", "-unfinished"
# Seconds; making all tables takes a few.
_LONGEST = 120
_SQLITE = "sqlite:///"


def file_of(uri: str) -> Path | None:
    """The file of a store's address; None for anything but SQLite."""
    return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None


def check(file: Path) -> None:
    """Look at a store before MLflow does, which would try for minutes.

    Raises:
        OSError: it is damaged.
    """
    if file.exists():
        _revision(file)


@contextmanager
def prepared(file: Path) -> Iterator[None]:
    """The store is there in this block, and no other run prepares it meanwhile.

    Raises:
        OSError: it is damaged, or another run takes minutes to prepare it; or MLflow takes its path
            for another one.
    """
    if unquote(str(file)) != str(file):
        raise OSError(
            f"MLflow reads the path '{file}' as '{unquote(str(file))}': rename the folder that has "
            "the % in its name"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(_beside(file, _LOCK), timeout=_LONGEST):
        check(file)
        if file.exists() and _is_unfinished(file):
            file.replace(_beside(file, _UNFINISHED))
        if not file.exists():
            _make(file)
        yield


def _make(file: Path) -> None:
    from mlflow import MlflowClient

    # What kills left of earlier ones; the lock says that nobody writes to it.
    for left in file.parent.glob(f"{file.name}{_PART}*"):
        left.unlink()
    fresh = _beside(file, f"{_PART}{secrets.token_hex(4)}")
    MlflowClient(f"{_SQLITE}{fresh}").search_experiments(max_results=1)
    fresh.replace(file)


def _is_unfinished(file: Path) -> bool:
    """Whether a run was killed while it made the tables: they are not the last, and hold no run."""
    if _rows(file, "SELECT 1 FROM runs LIMIT 1"):
        return False
    # Only here, because the steps from version to version take long to import.
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    head = ScriptDirectory.from_config(_get_alembic_config(db_url="")).get_current_head()
    return _revision(file) != head


def _revision(file: Path) -> str | None:
    """Version of the tables; None if the file does not say."""
    found = _rows(file, "SELECT version_num FROM alembic_version")
    return str(found[0][0]) if found else None


def _rows(file: Path, query: str) -> list[tuple[object, ...]]:
    """Rows; none if the table is not there."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []
        raise OSError(f"'{file}' cannot be read ({error})") from error
    except sqlite3.DatabaseError as error:
        raise OSError(
            f"'{file}' is damaged ({error}): put it back from a copy, or move it away, and the "
            "next run begins a new one"
        ) from error


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)
