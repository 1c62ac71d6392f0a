"""A bar is for a terminal; a log has a line now and then."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import pty
import struct
import sys
import termios

import pytest

from selfscore.running import bar
from selfscore.running.bar import Bar


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="selfscore")
    return caplog


def test_what_is_done_soon_leaves_nothing_in_a_log(
    log: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(Bar(range(500), desc="writing", unit=" texts")) == list(range(500))
    assert log.messages == []
    assert capsys.readouterr() == ("", "")


def test_what_takes_long_has_a_line_now_and_then(
    log: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr("tqdm.std.time", lambda: clock[0])
    with Bar(total=100, desc="training", unit=" steps") as progress:
        for _ in range(100):
            clock[0] += bar.SECONDS / 20
            progress.update()
            progress.set_postfix(loss="0.693")
        # Of a bar with more, tqdm's own thread writes lines as well.
        assert progress.miniters == 1
    assert len(log.messages) == 5
    assert log.messages[0].startswith("training: 20 of 100 steps in 00:30, ")
    assert log.messages[-1].startswith("training: 100 of 100 steps in 02:30, 00:00 to go, ")
    assert log.messages[-1].endswith(", loss=0.693.")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_has_a_bar(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen, line = pty.openpty()
    fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with os.fdopen(line, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        for _ in Bar(range(3), desc="merging", unit=" layers"):
            pass
    drawn = b""
    with contextlib.suppress(OSError):  # What Linux says at the end of a closed terminal.
        while part := os.read(screen, 10_000):
            drawn += part
    os.close(screen)
    assert "merging: 100%|" in drawn.decode()
    assert log.messages == []
