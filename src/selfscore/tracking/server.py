"""The tracking server: whether it answers, and what it is called.

Knows the errors of MLflow and of the stores behind it; knows no run. kedro-mlflow has no public way
to use another store than the configured one, so this is the one file that uses its private names.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from selfscore.running.keys import read_key
from selfscore.tracking import local_store, run_files

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from mlflow import MlflowClient

# MLflow's own settings make one call to a server that is away take four minutes, and it prints the
# addresses of runs as they are configured, with a password if there is one. What the user has set
# stays.
_VARIABLES = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
# What MLflow sends to a server to be let in.
_KEYS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
# What the stores of runs and files raise; not all of these need be installed.
_STORES = ("azure", "boto3", "botocore", "google", "sqlalchemy", "urllib3")
# kedro-mlflow's own name for one that `mlflow.yml` does not name.
EXPERIMENT = "Default"
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


def shorten_timeouts() -> None:
    """Let MLflow wait seconds for its server, not minutes, and print neither addresses nor bars."""
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)


def check_keys() -> None:
    """Look at the keys in the environment before anything is sent with them.

    Raises:
        ValueError: one cannot be a key.
    """
    for name in _KEYS:
        read_key(name)


def is_away(error: BaseException) -> bool:
    """Whether an error says that a server does not answer; not that it refuses what was asked."""
    from mlflow.exceptions import InvalidUrlException, MlflowException

    if isinstance(error, InvalidUrlException):
        return False
    if isinstance(error, MlflowException):
        status: int = error.get_http_status_code()
        return status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in _STORES


def reason(error: BaseException, redact: Callable[[Any], Any]) -> str:
    """An error in one line without secrets."""
    return textwrap.shorten(f"{type(error).__name__}: {redact(str(error))}", 400)


def uri_of(configuration: dict[str, Any]) -> str:
    """Address of the tracking server in the content of `mlflow.yml`."""
    server = configuration.get("server") or {}
    named = server.get("mlflow_tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
    return str(named or "mlruns")


def is_remote(uri: str) -> bool:
    """Whether the address is that of another process, not of a file here."""
    return urlsplit(uri).scheme not in ("", "file", "sqlite")


@contextmanager
def prepared(configuration: dict[str, Any], project: Path) -> Iterator[None]:
    """In this block the store and its experiment are there, if the store is a file.

    Args:
        configuration: content of `mlflow.yml`.
        project: root, which relative paths count from.

    Raises:
        OSError: the file is damaged, or cannot be where it is.
    """
    file = local_store.file_of(uri_of(configuration))
    if file is None:
        yield
        return
    experiment = (configuration.get("tracking") or {}).get("experiment") or {}
    options = experiment.get("create_experiment_kwargs") or {}
    with local_store.prepared(project / file):
        if options.get("artifact_location") is None:
            name, folder = experiment.get("name") or EXPERIMENT, project / run_files.FOLDER
            run_files.keep_in(folder, project / file, name, options.get("tags"))
        yield


def connect(
    configuration: dict[str, Any], credentials: dict[str, Any], project: Path
) -> MlflowClient:
    """A client of the server that a project's `mlflow.yml` names.

    Args:
        configuration: content of `mlflow.yml`.
        credentials: of the project; `server.credentials` names those of the server, which go to
            the environment, where MLflow looks for them.
        project: root, which relative paths count from.

    Raises:
        OSError: the store is a file, and damaged.
        ValueError: the configuration is not valid, or a key cannot be one.
    """
    from kedro_mlflow.config.kedro_mlflow_config import _validate_uri
    from mlflow import MlflowClient

    server = configuration.get("server") or {}
    os.environ.update(credentials.get(str(server.get("credentials")), {}))
    check_keys()
    uri = uri_of(configuration)
    registry = server.get("mlflow_registry_uri") or uri
    places = [_validate_uri(str(project), place) for place in (uri, registry)]
    for file in filter(None, map(local_store.file_of, places)):
        local_store.check(file)
    return MlflowClient(*places)


def move_to(
    store: str, kedro_mlflow: Any, context: KedroContext, configuration: dict[str, Any]
) -> None:
    """Set kedro-mlflow up as `mlflow.yml` says, with another store.

    Args:
        store: its address.
        kedro_mlflow: kedro-mlflow's hook.
        context: of the session.
        configuration: content of `mlflow.yml`.
    """
    from kedro.framework import project
    from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig

    tracking = {**configuration.get("tracking", {})}
    name = (tracking.get("experiment") or {}).get("name") or project.PACKAGE_NAME
    # The place of its files is not taken over: it may be at the server.
    tracking["experiment"] = {"name": name}
    values = {**configuration, "server": {"mlflow_tracking_uri": store}, "tracking": tracking}
    moved = KedroMlflowConfig.model_validate(values)
    with prepared(values, Path(context.project_path)):
        moved.setup(context)
    kedro_mlflow._already_active_mlflow = False
    kedro_mlflow.mlflow_config = moved
    context.__setattr__("mlflow", moved)
