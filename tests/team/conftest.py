"""The servers of a team, on this machine: PostgreSQL, object storage, and MLflow on both."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

BUCKET = "our-bucket"
PASSWORD = "pq-password-4711"
# The store's keys: the tracking server's own, and one of each colleague.
SERVER = {"AWS_ACCESS_KEY_ID": "AKIASERVERSERVER", "AWS_SECRET_ACCESS_KEY": "s3-secret-server"}


@dataclass(frozen=True)
class Team:
    """Where the servers are.

    Attributes:
        store: of the catalog, for `SELFSCORE_STORE`.
        s3: address of the object storage.
        mlflow: address of the tracking server.
        database: of the tracking server, with its password.
        log: what the tracking server printed.
    """

    store: str
    s3: str
    mlflow: str
    database: str
    log: Path

    def client(self) -> Any:
        """Of the object storage."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.s3,
            region_name="us-east-1",
            aws_access_key_id=SERVER["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=SERVER["AWS_SECRET_ACCESS_KEY"],
        )


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The servers; without PostgreSQL on this machine, what needs them is left out."""
    programs = _postgresql()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    from moto.server import ThreadedMotoServer

    # It says every request otherwise.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)

    objects = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    objects.start()
    host, port = objects.get_host_and_port()
    s3 = f"http://{host}:{port}"
    log = tmp_path_factory.mktemp("mlflow") / "server.txt"
    try:
        with _database(programs) as database, log.open("w") as said:
            address = f"http://127.0.0.1:{_free_port()}"
            found = Team(f"s3://{BUCKET}/demo", s3, address, database, log)
            found.client().create_bucket(Bucket=BUCKET)
            with _tracking_server(found, said):
                yield found
    finally:
        objects.stop()


@contextmanager
def _database(programs: Path) -> Iterator[str]:
    """A new PostgreSQL server with an empty database; its address."""
    import psycopg

    # The server refuses to be root. Its folder lies where any user may go.
    user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="selfscore-postgresql-"))
    port = _free_port()
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if user:
            shutil.chown(folder, **user)
            shutil.chown(secret, **user)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "mlflow", f"--pwfile={secret}"]
            + ["-A", "scram-sha-256", "--no-sync"],
            cwd=folder,
            check=True,
            capture_output=True,
            **user,
        )
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port)]
            + ["-k", folder, "-c", "fsync=off"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user,
        )
        try:
            address = f"postgresql://mlflow:{PASSWORD}@127.0.0.1:{port}/postgres"
            _until(lambda: psycopg.connect(address).close(), server, psycopg.OperationalError)
            yield address
        finally:
            server.terminate()
            server.wait()
    finally:
        shutil.rmtree(folder)


@contextmanager
def _tracking_server(team: Team, said: IO[str]) -> Iterator[None]:
    """`mlflow server` as docs/team.md starts it."""
    port = team.mlflow.rpartition(":")[2]
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"]
        + ["--workers=1", f"--artifacts-destination=s3://{BUCKET}/mlflow"],
        env={
            **os.environ,
            **SERVER,
            "AWS_ENDPOINT_URL": team.s3,
            "MLFLOW_BACKEND_STORE_URI": team.database,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        },
        cwd=Path(said.name).parent,
        stdout=said,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        _until(lambda: urllib.request.urlopen(f"{team.mlflow}/health", timeout=5), server, OSError)
        yield
    finally:
        # Its workers leave with it.
        os.killpg(server.pid, 15)
        server.wait()


def _until(
    answers: Callable[[], object], server: subprocess.Popen[bytes], away: type[Exception]
) -> None:
    while True:
        assert server.poll() is None, f"{server.args} ended"
        try:
            answers()
            return
        except away:
            time.sleep(0.1)


def _postgresql() -> Path | None:
    """Folder of the newest PostgreSQL's programs; Debian does not put them on the path."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max(
        (file.parent for file in found), key=lambda place: int(place.parent.name), default=None
    )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
