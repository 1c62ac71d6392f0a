"""Writes that wait for a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from selfscore.tracking.outbox import Outbox
from selfscore.tracking.server import is_away


class Server:
    """Keeps what it is sent, while it is there."""

    def __init__(self) -> None:
        self.away = False
        self.kept: list[int] = []

    def write(self, value: int) -> None:
        if self.away:
            raise ConnectionError("refused at http://user:geheim@host")
        if value < 0:
            raise MlflowException.invalid_parameter_value("negative")
        self.kept.append(value)


def outbox(**options: object) -> Outbox:
    return Outbox("The server", "metrics", lambda text: text.replace("geheim", "…"), **options)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 99))))
def test_all_arrives_in_order_once_the_server_is_back(events: list[tuple[bool, int]]) -> None:
    server, box = Server(), outbox(pause=0)
    for away, value in events:
        server.away = away
        box.put(server.write, value)
    server.away = False
    assert box.finish() == 0
    assert server.kept == [value for _, value in events if value >= 0]


def test_an_absence_is_said_once_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    server, box = Server(), outbox(pause=0)
    server.away = True
    for value in range(5):
        box.put(server.write, value)
    [said] = [record.getMessage() for record in caplog.records]
    assert "The server does not answer" in said
    assert "refused" in said
    assert "geheim" not in said
    server.away = False
    box.put(server.write, 5)
    assert server.kept == list(range(6))
    assert "answers again" in caplog.records[-1].getMessage()


def test_a_server_that_is_away_is_not_asked_all_the_time() -> None:
    server, box = Server(), outbox(pause=3600)
    calls = []

    def write(value: int) -> None:
        calls.append(value)
        server.write(value)

    server.away = True
    for value in range(5):
        box.put(write, value)
    assert calls == [0]
    assert box.finish() == 5
    assert calls == [0, 0]
    assert not box.is_waiting


def test_what_the_server_refuses_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    server, box = Server(), outbox()
    for value in (1, -1, 2):
        box.put(server.write, value)
    assert server.kept == [1, 2]
    assert "Not tracked: MlflowException: negative" in caplog.text


def test_files_wait_for_the_records_of_their_run() -> None:
    server, records = Server(), outbox(pause=3600)
    files = outbox(before=records)
    server.away = True
    records.put(server.write, 1)
    server.away = False
    files.put(server.write, 2)
    assert server.kept == []
    assert (records.finish(), files.finish()) == (0, 0)
    assert server.kept == [1, 2]


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ConnectionError(), True),
        (TimeoutError(), True),
        (MlflowException("API request failed"), True),
        (MlflowException.invalid_parameter_value("no"), False),
        (MlflowException("who are you?", error_code=PERMISSION_DENIED), False),
        (TypeError(), False),
        (KeyError(), False),
    ],
)
def test_away_is_not_the_same_as_refusing(error: Exception, away: bool) -> None:
    assert is_away(error) is away
