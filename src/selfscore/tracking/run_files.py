"""Where the files of tracked runs are, without a server: in `mlruns` of the project.

MLflow itself puts them below the folder that a command is typed in, and writes down the whole path.
So the experiment is made here; and a project that was moved, or copied, takes the places of its
files along.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

logger = logging.getLogger(__name__)

FOLDER = "mlruns"
# Where MLflow's tables have places of files; those of registered models name a logged one.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


def keep_in(folder: Path, store: Path, experiment: str, tags: dict[str, str] | None = None) -> None:
    """Have the files of an experiment in a folder.

    Args:
        folder: `mlruns` of the project.
        store: SQLite file of the runs.
        experiment: name of the experiment; it is made if there is none.
        tags: of an experiment that is made.
    """
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{store}")
    found = client.get_experiment_by_name(experiment)
    if found is None:
        client.create_experiment(experiment, folder.as_uri(), tags)
        return
    before, named, _ = found.artifact_location.partition(f"/{FOLDER}")
    was = Path(unquote(urlsplit(before).path) if before.startswith("file:") else before)
    # Without its files, or with a place that somebody chose, it stays as it is.
    if not named or was == folder.parent or not folder.is_dir():
        return
    _move(store, before + named, folder.as_uri())
    logger.warning(
        "The tracked runs were made in '%s'; from now on their files are looked for in '%s'.",
        was,
        folder.parent,
    )


def _move(store: Path, before: str, after: str) -> None:
    with closing(sqlite3.connect(store, timeout=30)) as connection, connection:
        for table, column in _PLACES:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE substr({column}, 1, ?) = ?",
                (after, len(before) + 1, len(before), before),
            )
